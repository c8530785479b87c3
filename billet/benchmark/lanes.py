"""What lanes cost a page, and what they allow a table to take."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from billet.benchmark import replay
from billet.benchmark.fixtures import CONNECTION, World
from billet.benchmark.invoke import call
from billet.benchmark.report import Cell, Table, ms
from billet.benchmark.timing import Candidate, p50, side_by_side
from billet.metering import metered

WRITES_A_KEY = 1000
READS_A_KEY = 3000
"""Units a second that DynamoDB sustains for one partition key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""
PAGE_UNITS = 2.5
"""What 50 tasks of 300 bytes take in one eventually consistent Query."""


def creates_a_second(lanes: int) -> int:
    """Tasks of up to 1 KB: each writes one unit to its lane of an index, and one to a counter."""
    return lanes * WRITES_A_KEY


def updates_a_second(lanes: int) -> int:
    """Changes of tasks of up to 1 KB that nobody has, spread evenly over the lanes, at the worst:
    a new deadline deletes and puts an entry in one lane of an index, which takes two units."""
    return lanes * WRITES_A_KEY // 2


def pages_a_second() -> int:
    """First pages of 50. Each reads all lanes, and of each as much as of a single one, so lanes
    don't help; what is read that often belongs into a cache."""
    return int(READS_A_KEY / PAGE_UNITS)


COLUMNS = (
    "lanes",
    "÷ one lane",
    "raw ÷ one lane",
    "p50 ms",
    "raw p50",
    "calls",
    "read units",
    "creates/s",
    "updates/s",
    "pages/s",
)


def measure(
    worlds: Sequence[World], rounds: int, progress: Callable[[], object]
) -> Iterator[Table]:
    """A page of 50 with ever more lanes, and the model's figures."""
    with ThreadPoolExecutor(worlds[-1].settings.lanes) as threads:
        candidates: dict[str, Candidate] = {}
        for world in worlds:
            world.enter()
            candidates[f"ours {world.settings.lanes}"] = Candidate(_page, world.enter)
            candidates[f"raw {world.settings.lanes}"] = _raw(threads)
        found = side_by_side(candidates, rounds, progress=progress)
    rows = [
        _row(world, {name: p50(samples) for name, samples in found.items()}) for world in worlds
    ]
    note = (
        "raw: the same signed Queries sent by as many threads at once, which the database bounds; "
        "a second: by DynamoDB's limits for one key, 1,000 write and 3,000 read units"
    )
    yield Table("lanes: a page of 50, and what the design allows", COLUMNS, rows, note)


def _page(_: object) -> object:
    return call("GET", "/v1/tasks", query={"page_size": 50})


def _raw(threads: ThreadPoolExecutor) -> Candidate:
    """The Queries of the page in the world that was entered."""
    boto3 = replay.client()
    with replay.recorded(CONNECTION, boto3) as recording:
        _page(None)
    queries = [replay.raw(boto3, replay.Recording([one])) for one in recording.operations]
    return Candidate(lambda _: list(threads.map(lambda query: query(None), queries)))


def _row(world: World, middles: dict[str, float]) -> tuple[Cell, ...]:
    world.enter()
    _page(None)  # which reads how many lanes there are, once in some seconds
    with metered(CONNECTION) as bill:
        _page(None)
    lanes = world.settings.lanes
    return (
        lanes,
        middles[f"ours {lanes}"] / middles["ours 1"],
        middles[f"raw {lanes}"] / middles["raw 1"],
        ms(middles[f"ours {lanes}"]),
        ms(middles[f"raw {lanes}"]),
        len(bill.calls),
        bill.read_units,
        creates_a_second(lanes),
        updates_a_second(lanes),
        pages_a_second(),
    )
