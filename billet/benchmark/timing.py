"""Timing things side by side."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Samples = list[float]
"""Durations in seconds."""
WARM_UP = 10
"""How many rounds are not counted."""


@dataclass
class Candidate:
    """Something to time. `prepare` is not timed; what it gives is handed to `run`."""

    run: Callable[[Any], object]
    prepare: Callable[[], Any] = field(default=lambda: None)


def side_by_side(
    candidates: Mapping[str, Candidate],
    rounds: int,
    warm_up: int = WARM_UP,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Samples]:
    """Times each candidate once a round, in an order that is shuffled for each round.

    So that what else the machine does, and what one leaves behind for the next, hits all alike.
    """
    samples: dict[str, Samples] = {name: [] for name in candidates}
    names = list(candidates)
    for number in range(-warm_up, rounds):
        random.shuffle(names)
        for name in names:
            spent = _time(candidates[name])
            if number >= 0:
                samples[name].append(spent)
        progress()
    return samples


def _time(candidate: Candidate) -> float:
    prepared = candidate.prepare()
    start = time.perf_counter()
    candidate.run(prepared)
    return time.perf_counter() - start


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least this share (0 to 1) of all are not above: nearest rank."""
    ranked = sorted(samples)
    rank = max(1, -(-len(ranked) * round(share * 10_000) // 10_000))
    return ranked[rank - 1]


def p50(samples: Sequence[float]) -> float:
    """The median, in seconds."""
    return percentile(samples, 0.5)


def p99(samples: Sequence[float]) -> float:
    """What one sample in a hundred is above, in seconds."""
    return percentile(samples, 0.99)
