"""Each endpoint in this process, next to bare boto3 and to raw HTTP with the same requests."""

from collections.abc import Callable, Iterator

from billet.bench import replay
from billet.bench.report import Table, ms
from billet.bench.requests import requests
from billet.bench.timing import Candidate, p50, p99, side_by_side
from billet.bench.worlds import CONNECTION, World

COLUMNS = ("request", "÷ boto3", "÷ raw HTTP", "p50 ms", "p99 ms", "boto3 p50", "raw p50", "calls")


def measure(world: World, rounds: int, progress: Callable[[], object]) -> Iterator[Table]:
    """The ratios of each request to its floors, at p50."""
    world.enter()
    boto3 = replay.client()
    rows = []
    for name, ours in requests(world.tasks, world.tasks // 2).items():
        prepared = ours.prepare()
        with replay.recorded(CONNECTION) as operations:
            ours.run(prepared)
        candidates = {
            "ours": ours,
            "boto3": Candidate(replay.with_boto3(boto3, operations)),
            "raw": Candidate(replay.raw(boto3, operations)),
        }
        found = side_by_side(candidates, rounds, progress=progress)
        middle = {which: p50(samples) for which, samples in found.items()}
        rows.append(
            (
                name,
                middle["ours"] / middle["boto3"],
                middle["ours"] / middle["raw"],
                ms(middle["ours"]),
                ms(p99(found["ours"])),
                ms(middle["boto3"]),
                ms(middle["raw"]),
                len(operations),
            )
        )
    note = "boto3: the same calls without their conditions, by a client made once"
    yield Table("floor: each endpoint's handler, in process", COLUMNS, rows, note)
