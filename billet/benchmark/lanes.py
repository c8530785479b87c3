"""Section "lanes": what lanes (shards of a listing index) cost a page, and what they allow."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from billet.benchmark import replay
from billet.benchmark.datasets import CONNECTION, Dataset
from billet.benchmark.report import Cell, ResultTable, to_ms
from billet.benchmark.scenarios import invoke
from billet.benchmark.timing import Workload, p50, time_interleaved
from billet.metering import record_usage

MAX_KEY_WRITE_UNITS = 1000
MAX_KEY_READ_UNITS = 3000
"""Units per second that DynamoDB sustains for one partition key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""
PAGE_READ_UNITS = 2.5
"""One eventually consistent Query of 50 tasks of 300 bytes."""
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


def max_creates_per_second(lanes: int) -> int:
    """Return how many tasks of up to 1 KB can be created per second.

    Each task writes one unit to one lane of an index, and one unit to a counter.
    """
    return lanes * MAX_KEY_WRITE_UNITS


def max_updates_per_second(lanes: int) -> int:
    """Return how many unassigned tasks of up to 1 KB can be updated per second, in the worst case.

    A new due date deletes an entry and puts one in the same lane of an index: two units.
    """
    return lanes * MAX_KEY_WRITE_UNITS // 2


def max_pages_per_second() -> int:
    """Return how many first pages of 50 tasks can be read per second.

    A page reads as much from each lane as from a single one, so lanes do not raise this limit.
    """
    return int(MAX_KEY_READ_UNITS / PAGE_READ_UNITS)


def measure(
    datasets: Sequence[Dataset], rounds: int, on_step: Callable[[], object]
) -> Iterator[ResultTable]:
    """Yield the times of a page of 50 by number of lanes, and the limits of the design.

    Args:
        datasets: equally large, with one lane first and the most lanes last.
    """
    with ThreadPoolExecutor(datasets[-1].settings.lanes) as threads:
        workloads: dict[str, Workload] = {}
        for dataset in datasets:
            dataset.bind()
            workloads[f"api {dataset.settings.lanes}"] = Workload(_list_tasks, dataset.bind)
            workloads[f"raw {dataset.settings.lanes}"] = _raw_queries(threads)
        durations = time_interleaved(workloads, rounds, on_round=on_step)
    medians = {name: p50(samples) for name, samples in durations.items()}
    rows = [_row(dataset, medians) for dataset in datasets]
    note = (
        "raw: the same signed Queries, sent by as many threads at once; "
        "per second: DynamoDB's limits for one key, 1,000 write units and 3,000 read units"
    )
    yield ResultTable("lanes: a page of 50, and the limits of the design", COLUMNS, rows, note)


def _list_tasks(_: object) -> object:
    return invoke("GET", "/v1/tasks", query={"page_size": 50})


def _raw_queries(threads: ThreadPoolExecutor) -> Workload:
    """Return the Queries of a page in the bound dataset, sent in parallel."""
    boto3 = replay.boto3_client()
    with replay.record(CONNECTION, boto3) as recording:
        _list_tasks(None)
    queries = [
        replay.raw_replay(boto3, replay.Recording([operation]))
        for operation in recording.operations
    ]
    return Workload(lambda _: list(threads.map(lambda query: query(None), queries)))


def _row(dataset: Dataset, medians: dict[str, float]) -> tuple[Cell, ...]:
    dataset.bind()
    _list_tasks(None)  # reads the number of lanes, which is then cached for some seconds
    with record_usage(CONNECTION) as usage:
        _list_tasks(None)
    lanes = dataset.settings.lanes
    return (
        lanes,
        medians[f"api {lanes}"] / medians["api 1"],
        medians[f"raw {lanes}"] / medians["raw 1"],
        to_ms(medians[f"api {lanes}"]),
        to_ms(medians[f"raw {lanes}"]),
        len(usage.calls),
        usage.read_units,
        max_creates_per_second(lanes),
        max_updates_per_second(lanes),
        max_pages_per_second(),
    )
