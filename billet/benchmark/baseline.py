"""Section "baseline": each endpoint in process, next to bare boto3 and raw HTTP calls."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from billet.benchmark import replay
from billet.benchmark.datasets import CONNECTION, Dataset
from billet.benchmark.report import Cell, ResultTable, to_ms
from billet.benchmark.scenarios import endpoint_workloads
from billet.benchmark.timing import WARM_UP_ROUNDS, Workload, p50, p99, time_interleaved

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


def step_count(rounds: int) -> int:
    """Return how often `measure` calls `on_step`."""
    return len(endpoint_workloads(0, 0)) * (WARM_UP_ROUNDS + rounds)


def measure(dataset: Dataset, rounds: int, on_step: Callable[[], object]) -> Iterator[ResultTable]:
    """Yield the times of each endpoint and of its baselines, with their ratios at p50."""
    dataset.bind()
    boto3 = replay.boto3_client()
    workloads = endpoint_workloads(dataset.task_count, dataset.task_count // 2)
    rows = [_row(name, api, boto3, rounds, on_step) for name, api in workloads.items()]
    note = (
        "boto3: the same calls on the same items, with one boto3 client; "
        "raw: the same signed requests, sent by urllib3"
    )
    yield ResultTable("baseline: each endpoint, in process", COLUMNS, rows, note)


def _row(
    name: str, api: Workload, boto3: Any, rounds: int, on_step: Callable[[], object]
) -> tuple[Cell, ...]:
    argument = api.setup()
    with replay.record(CONNECTION, boto3) as recording:
        api.run(argument)
    restore = partial(recording.restore, boto3)

    def restore_and_set_up() -> Any:
        restore()  # the replays change the id counters, too
        return api.setup()

    workloads = {
        "api": Workload(api.run, restore_and_set_up),
        "boto3": Workload(replay.boto3_replay(boto3, recording.operations), restore),
        "raw": Workload(replay.raw_replay(boto3, recording), restore),
    }
    durations = time_interleaved(workloads, rounds, on_round=on_step)
    ratios = (p50(durations["api"]) / p50(durations[baseline]) for baseline in ("boto3", "raw"))
    times = [to_ms(figure(samples)) for samples in durations.values() for figure in (p50, p99)]
    return name, *ratios, *times, len(recording.operations)
