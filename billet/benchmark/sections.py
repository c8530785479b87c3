"""The sections of `billet bench`, each with the datasets that it needs."""

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.progress import Progress, TaskID

from billet.benchmark import Profile, baseline, cold_start, cost, growth, http_load, lanes
from billet.benchmark.datasets import Dataset
from billet.benchmark.report import ResultTable
from billet.benchmark.scenarios import endpoint_workloads
from billet.benchmark.timing import WARM_UP_ROUNDS

TASKS = 1_000
LANES = (1, 4, 16)


class _Datasets:
    """The datasets of one run, each created when it is first needed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._prefix = f"bench-{uuid.uuid4().hex[:8]}"
        self._filled: dict[str, Dataset] = {}

    def get(self, purpose: str, tasks: int = TASKS, lanes: int = 1) -> Dataset:
        """Return a dataset; sections that name the same purpose share it."""
        prefix = f"{self._prefix}-{purpose}-{tasks}-{lanes}"
        if prefix not in self._filled:
            dataset = Dataset(prefix, tasks, lanes)
            bar = self._progress.add_task(f"writing {tasks:,} tasks", total=dataset.item_count)
            dataset.fill(partial(self._progress.advance, bar))
            self._progress.remove_task(bar)
            self._filled[prefix] = dataset
        return self._filled[prefix]


Start = Callable[[int], Callable[[], object]]
"""Takes a section's number of steps; returns the function to call after each step."""
Section = Callable[[Profile, _Datasets, Start], Iterator[ResultTable]]


def run(names: Sequence[str], profile: Profile, progress: Progress) -> Iterator[ResultTable]:
    """Yield the tables of each section as soon as they are measured."""
    datasets = _Datasets(progress)
    for name in names:
        bar = progress.add_task(name, total=None)

        def start(steps: int, bar: TaskID = bar) -> Callable[[], object]:
            progress.update(bar, total=steps)
            return partial(progress.advance, bar)

        for table in SECTIONS[name](profile, datasets, start):
            yield replace(table, section=name)
        progress.remove_task(bar)


def _baseline(profile: Profile, datasets: _Datasets, start: Start) -> Iterator[ResultTable]:
    on_step = start(baseline.step_count(profile.rounds))
    return baseline.measure(datasets.get("one"), profile.rounds, on_step)


def _http(profile: Profile, datasets: _Datasets, start: Start) -> Iterator[ResultTable]:
    on_step = start(http_load.step_count(profile.connections))
    return http_load.measure(datasets.get("http"), profile.connections, profile.seconds, on_step)


def _growth(profile: Profile, datasets: _Datasets, start: Start) -> Iterator[ResultTable]:
    grown = [datasets.get("growth", tasks) for tasks in profile.table_sizes]
    on_step = start(growth.step_count(profile.growth_rounds))
    return growth.measure(grown, profile.growth_rounds, on_step)


def _cold(profile: Profile, datasets: _Datasets, start: Start) -> Iterator[ResultTable]:
    with tempfile.TemporaryDirectory() as folder:
        function = cold_start.unpack_function(Path(folder))
        on_step = start(cold_start.WARM_UP_STARTS + profile.starts)
        yield from cold_start.measure(datasets.get("one"), function, profile.starts, on_step)


def _cost(profile: Profile, datasets: _Datasets, start: Start) -> Iterator[ResultTable]:
    return cost.measure(datasets.get("one"), start(len(endpoint_workloads(0, 0))))


def _lanes(profile: Profile, datasets: _Datasets, start: Start) -> Iterator[ResultTable]:
    by_lanes = [datasets.get("lanes", profile.lane_tasks, number) for number in LANES]
    on_step = start(WARM_UP_ROUNDS + profile.growth_rounds)
    return lanes.measure(by_lanes, profile.growth_rounds, on_step)


SECTIONS: dict[str, Section] = {
    "baseline": _baseline,
    "http": _http,
    "growth": _growth,
    "cold": _cold,
    "cost": _cost,
    "lanes": _lanes,
}
