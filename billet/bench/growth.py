"""Whether a request costs the same in a small and in a large table."""

from collections.abc import Callable, Iterator, Sequence

from billet.bench.calling import call
from billet.bench.report import Table, ms
from billet.bench.requests import TASK, USER, WHOLE
from billet.bench.timing import Candidate, p50, side_by_side
from billet.bench.worlds import CONNECTION, World
from billet.metering import Bill, metered
from chalicelib import listing

COLUMNS = ("request", "tasks", "p50 ms", "÷ smallest", "calls", "read units", "write units")


def _cases(world: World) -> dict[str, Callable[[], object]]:
    cursor = listing.encode_cursor("tasks", listing.Paging(), world.middle().recency)
    free = {"task_id": world.tasks // 2}

    def tasks(**query: object) -> Callable[[], object]:
        return lambda: call("GET", "/v1/tasks", query={"page_size": 50} | query)

    return {
        "first page": tasks(),
        "page by cursor in the middle": tasks(cursor=cursor),
        "page of rare, old matches": tasks(status="CANCELLED"),
        "a user's list": lambda: call(
            "GET", f"{USER}/tasks", ids={"user_id": 1}, query={"page_size": 50}
        ),
        "create": lambda: call("POST", "/v1/tasks", {"name": WHOLE["name"]}),
        "update": lambda: call("PUT", TASK, WHOLE, free),
        "page at offset 5,000": tasks(offset=5000),
    }


def measure(
    worlds: Sequence[World], rounds: int, progress: Callable[[], object]
) -> Iterator[Table]:
    """Each request in each world, rounds of all worlds interleaved."""
    cases = {world.tasks: _cases(world) for world in worlds}
    rows: list[tuple[str, int, float, float, int, float, float]] = []
    for name in cases[worlds[0].tasks]:
        candidates = {
            str(world.tasks): Candidate(_ignoring(cases[world.tasks][name]), world.enter)
            for world in worlds
        }
        found = side_by_side(candidates, rounds, progress=progress)
        smallest = p50(found[str(worlds[0].tasks)])
        for world in worlds:
            middle = p50(found[str(world.tasks)])
            bill = _bill(world, cases[world.tasks][name])
            units = (bill.read_units, bill.write_units)
            rows.append((name, world.tasks, ms(middle), middle / smallest, len(bill.calls), *units))
    yield Table("growth: the same requests in ever larger tables", COLUMNS, rows)


def _ignoring(case: Callable[[], object]) -> Callable[[object], object]:
    return lambda _: case()


def _bill(world: World, case: Callable[[], object]) -> Bill:
    world.enter()
    with metered(CONNECTION) as bill:
        case()
    return bill
