"""What lanes cost a page, and what they allow a table to take."""

from collections.abc import Callable, Iterator, Sequence

from billet.bench.calling import call
from billet.bench.report import Table, ms
from billet.bench.timing import Candidate, p50, side_by_side
from billet.bench.worlds import CONNECTION, World
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


def measure(
    worlds: Sequence[World], rounds: int, progress: Callable[[], object]
) -> Iterator[Table]:
    """A page of 50 with ever more lanes, and the model's figures."""

    def page(_: object) -> object:
        return call("GET", "/v1/tasks", query={"page_size": 50})

    candidates = {str(world.settings.lanes): Candidate(page, world.enter) for world in worlds}
    found = side_by_side(candidates, rounds, progress=progress)
    rows = []
    for world in worlds:
        world.enter()
        with metered(CONNECTION) as bill:
            page(None)
        lanes = world.settings.lanes
        middle = p50(found[str(lanes)])
        rows.append(
            (
                lanes,
                middle / p50(found[str(worlds[0].settings.lanes)]),
                ms(middle),
                len(bill.calls),
                bill.read_units,
                creates_a_second(lanes),
                updates_a_second(lanes),
                pages_a_second(),
            )
        )
    columns = (
        "lanes",
        "÷ one lane",
        "p50 ms",
        "calls",
        "read units",
        "creates/s",
        "updates/s",
        "pages/s",
    )
    note = "a second, by DynamoDB's limits for one key: 1,000 write and 3,000 read units"
    yield Table("lanes: a page of 50, and what the design allows", columns, rows, note)
