"""Whether a request costs the same in a small and in a large table."""

from collections.abc import Callable, Iterator, Sequence

from billet.benchmark.fixtures import CONNECTION, World
from billet.benchmark.invoke import call
from billet.benchmark.report import Cell, Table, ms
from billet.benchmark.scenarios import TASK, USER, WHOLE
from billet.benchmark.timing import WARM_UP, Candidate, p50, side_by_side
from billet.metering import Bill, metered
from chalicelib.dynamodb.codec import created_key_of
from chalicelib.services import cursor
from chalicelib.services.pagination import Paging

Case = Callable[[World], object]
OFFSETS = (0, 1000, 2500, 5000, 10_000)


def _tasks(**query: object) -> Case:
    return lambda _: call("GET", "/v1/tasks", query={"page_size": 50} | query)


def _middle(world: World) -> object:
    after = cursor.encode("tasks", Paging(), created_key_of(world.middle()))
    return _tasks(cursor=after)(world)


CASES: dict[str, Case] = {
    "first page": _tasks(),
    "page by cursor in the middle": _middle,
    "page of rare, old matches": _tasks(status="CANCELLED"),
    "a user's list": lambda _: call(
        "GET", f"{USER}/tasks", ids={"user_id": 1}, query={"page_size": 50}
    ),
    "create": lambda _: call("POST", "/v1/tasks", {"name": WHOLE["name"]}),
    "update": lambda world: call("PUT", TASK, WHOLE, {"task_id": world.tasks // 2}),
    "page at offset 5,000": _tasks(offset=5000),
}


def steps(rounds: int) -> int:
    """How often `measure` tells of its progress."""
    return (len(CASES) + len(OFFSETS)) * (WARM_UP + rounds)


def measure(
    worlds: Sequence[World], rounds: int, progress: Callable[[], object]
) -> Iterator[Table]:
    """Each request in each world, rounds of all worlds interleaved; then offsets in the largest."""
    largest = f"{worlds[-1].tasks:,} ÷ {worlds[0].tasks:,}"
    columns = (
        "request",
        f"time, {largest}",
        "calls ÷",
        "units ÷",
        *(f"p50 ms, {world.tasks:,}" for world in worlds),
        "calls",
        "read units",
        "write units",
    )
    rows = [_row(name, case, worlds, rounds, progress) for name, case in CASES.items()]
    note = "calls and units are those of the largest table"
    yield Table("growth: the same requests in ever larger tables", columns, rows, note)
    yield _offsets(worlds[-1], rounds, progress)


def _row(
    name: str, case: Case, worlds: Sequence[World], rounds: int, progress: Callable[[], object]
) -> tuple[Cell, ...]:
    found = side_by_side(
        {str(world.tasks): _candidate(world, case) for world in worlds}, rounds, progress=progress
    )
    middles = [p50(found[str(world.tasks)]) for world in worlds]
    small, large = _bill(worlds[0], case), _bill(worlds[-1], case)
    return (
        name,
        middles[-1] / middles[0],
        len(large.calls) / len(small.calls),
        _units(large) / _units(small),
        *map(ms, middles),
        len(large.calls),
        large.read_units,
        large.write_units,
    )


def _offsets(world: World, rounds: int, progress: Callable[[], object]) -> Table:
    rows = []
    for offset in OFFSETS:
        case = _tasks(offset=offset)
        found = side_by_side({"it": _candidate(world, case)}, rounds, progress=progress)
        bill = _bill(world, case)
        rows.append((f"{offset:,}", len(bill.calls), bill.read_units, ms(p50(found["it"]))))
    columns = ("offset", "calls", "read units", "p50 ms")
    return Table(f"growth: a page of 50 of {world.tasks:,} tasks, by offset", columns, rows)


def _candidate(world: World, case: Case) -> Candidate:
    return Candidate(lambda _: case(world), world.enter)


def _units(bill: Bill) -> float:
    return bill.read_units + bill.write_units


def _bill(world: World, case: Case) -> Bill:
    world.enter()
    with metered(CONNECTION) as bill:
        case(world)
    return bill
