"""Time several workloads in turn, and compute percentiles."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WARM_UP_ROUNDS = 10
"""Rounds that run before the measured ones and are not counted."""


@dataclass
class Workload:
    """A function to time."""

    run: Callable[[Any], object]
    setup: Callable[[], Any] = field(default=lambda: None)
    """Runs before each `run` and is not timed; its result is the argument of `run`."""


def time_interleaved(
    workloads: Mapping[str, Workload],
    rounds: int,
    warm_up: int = WARM_UP_ROUNDS,
    on_round: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Time each workload once per round, in a new random order each round.

    Other load on the machine, and effects of one workload on the next, then hit all workloads
    alike.

    Returns:
        The durations of each workload in seconds, by name.
    """
    durations: dict[str, list[float]] = {name: [] for name in workloads}
    names = list(workloads)
    for number in range(-warm_up, rounds):
        random.shuffle(names)
        for name in names:
            duration = _time(workloads[name])
            if number >= 0:
                durations[name].append(duration)
        on_round()
    return durations


def _time(workload: Workload) -> float:
    argument = workload.setup()
    start = time.perf_counter()
    workload.run(argument)
    return time.perf_counter() - start


def percentile(samples: Sequence[float], share: float) -> float:
    """Return a percentile by the nearest-rank method.

    Args:
        share: between 0 and 1; 0.5 is the median.
    """
    ranked = sorted(samples)
    rank = max(1, -(-len(ranked) * round(share * 10_000) // 10_000))
    return ranked[rank - 1]


def p50(samples: Sequence[float]) -> float:
    """Return the median."""
    return percentile(samples, 0.5)


def p99(samples: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return percentile(samples, 0.99)
