"""Each endpoint in this process, next to bare boto3 and to raw HTTP with the same requests."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from billet.benchmark import replay
from billet.benchmark.fixtures import CONNECTION, World
from billet.benchmark.report import Cell, Table, ms
from billet.benchmark.scenarios import requests
from billet.benchmark.timing import WARM_UP, Candidate, Samples, p50, p99, side_by_side

COLUMNS = (
    "request",
    "÷ boto3",
    "÷ raw",
    "p50 ms",
    "p99 ms",
    "boto3 p50",
    "boto3 p99",
    "raw p50",
    "raw p99",
    "calls",
)


def steps(rounds: int) -> int:
    """How often `measure` tells of its progress."""
    return len(requests(0, 0)) * (WARM_UP + rounds)


def measure(world: World, rounds: int, progress: Callable[[], object]) -> Iterator[Table]:
    """The ratios of each request to its floors, at p50."""
    world.enter()
    boto3 = replay.client()
    rows = [
        _row(name, request, boto3, rounds, progress)
        for name, request in requests(world.tasks, world.tasks // 2).items()
    ]
    note = (
        "boto3: the same calls on the same items, by a client made once; raw: its signed requests"
    )
    yield Table("floor: each endpoint's handler, in process", COLUMNS, rows, note)


def _row(
    name: str, ours: Candidate, boto3: Any, rounds: int, progress: Callable[[], object]
) -> tuple[Cell, ...]:
    prepared = ours.prepare()
    with replay.recorded(CONNECTION, boto3) as recording:
        ours.run(prepared)
    restore = partial(recording.restore, boto3)

    def prepare() -> Any:
        restore()  # also the counters, which the floors' turns have moved
        return ours.prepare()

    candidates = {
        "ours": Candidate(ours.run, prepare),
        "boto3": Candidate(replay.with_boto3(boto3, recording.operations), restore),
        "raw": Candidate(replay.raw(boto3, recording), restore),
    }
    found = side_by_side(candidates, rounds, progress=progress)
    ratios = (p50(found["ours"]) / p50(found[floor]) for floor in ("boto3", "raw"))
    return name, *ratios, *_figures(found), len(recording.operations)


def _figures(found: dict[str, Samples]) -> list[float]:
    return [ms(figure(samples)) for samples in found.values() for figure in (p50, p99)]
