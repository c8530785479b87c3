"""Section "growth": whether a request costs the same in a small and in a large table."""

from collections.abc import Callable, Iterator, Sequence

from billet.benchmark.datasets import CONNECTION, Dataset
from billet.benchmark.report import Cell, ResultTable, to_ms
from billet.benchmark.scenarios import TASK, TASK_BODY, USER, invoke
from billet.benchmark.timing import WARM_UP_ROUNDS, Workload, p50, time_interleaved
from billet.metering import Usage, record_usage
from chalicelib.dynamodb.codec import created_key_of
from chalicelib.services import cursor
from chalicelib.services.pagination import Paging

Request = Callable[[Dataset], object]
OFFSETS = (0, 1000, 2500, 5000, 10_000)


def _list_tasks(**query: object) -> Request:
    return lambda _: invoke("GET", "/v1/tasks", query={"page_size": 50} | query)


def _list_from_the_middle(dataset: Dataset) -> object:
    position = cursor.encode("tasks", Paging(), created_key_of(dataset.middle_task()))
    return _list_tasks(cursor=position)(dataset)


REQUESTS: dict[str, Request] = {
    "first page": _list_tasks(),
    "page by cursor in the middle": _list_from_the_middle,
    "page of rare, old matches": _list_tasks(status="CANCELLED"),
    "a user's list": lambda _: invoke(
        "GET", f"{USER}/tasks", ids={"user_id": 1}, query={"page_size": 50}
    ),
    "create": lambda _: invoke("POST", "/v1/tasks", {"name": TASK_BODY["name"]}),
    "update": lambda dataset: invoke("PUT", TASK, TASK_BODY, {"task_id": dataset.task_count // 2}),
    "page at offset 5,000": _list_tasks(offset=5000),
}


def step_count(rounds: int) -> int:
    """Return how often `measure` calls `on_step`."""
    return (len(REQUESTS) + len(OFFSETS)) * (WARM_UP_ROUNDS + rounds)


def measure(
    datasets: Sequence[Dataset], rounds: int, on_step: Callable[[], object]
) -> Iterator[ResultTable]:
    """Yield each request on each dataset, and then offsets in the largest one.

    Args:
        datasets: the smallest first.
    """
    ratio = f"{datasets[-1].task_count:,} ÷ {datasets[0].task_count:,}"
    columns = (
        "request",
        f"time, {ratio}",
        "calls ÷",
        "units ÷",
        *(f"p50 ms, {dataset.task_count:,}" for dataset in datasets),
        "calls",
        "read units",
        "write units",
    )
    rows = [_row(name, request, datasets, rounds, on_step) for name, request in REQUESTS.items()]
    note = "calls and units are those of the largest table"
    yield ResultTable("growth: the same requests in larger and larger tables", columns, rows, note)
    yield _offsets(datasets[-1], rounds, on_step)


def _row(
    name: str,
    request: Request,
    datasets: Sequence[Dataset],
    rounds: int,
    on_step: Callable[[], object],
) -> tuple[Cell, ...]:
    workloads = {str(dataset.task_count): _workload(dataset, request) for dataset in datasets}
    durations = time_interleaved(workloads, rounds, on_round=on_step)
    medians = [p50(samples) for samples in durations.values()]
    small, large = _usage(datasets[0], request), _usage(datasets[-1], request)
    return (
        name,
        medians[-1] / medians[0],
        len(large.calls) / len(small.calls),
        _units(large) / _units(small),
        *map(to_ms, medians),
        len(large.calls),
        large.read_units,
        large.write_units,
    )


def _offsets(dataset: Dataset, rounds: int, on_step: Callable[[], object]) -> ResultTable:
    rows = []
    for offset in OFFSETS:
        request = _list_tasks(offset=offset)
        workloads = {"page": _workload(dataset, request)}
        durations = time_interleaved(workloads, rounds, on_round=on_step)
        usage = _usage(dataset, request)
        median = to_ms(p50(durations["page"]))
        rows.append((f"{offset:,}", len(usage.calls), usage.read_units, median))
    columns = ("offset", "calls", "read units", "p50 ms")
    title = f"growth: a page of 50 of {dataset.task_count:,} tasks, by offset"
    return ResultTable(title, columns, rows)


def _workload(dataset: Dataset, request: Request) -> Workload:
    return Workload(lambda _: request(dataset), dataset.bind)


def _units(usage: Usage) -> float:
    return usage.read_units + usage.write_units


def _usage(dataset: Dataset, request: Request) -> Usage:
    dataset.bind()
    with record_usage(CONNECTION) as usage:
        request(dataset)
    return usage
