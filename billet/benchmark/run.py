"""The sections, each with the tables that it needs."""

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.progress import Progress

from billet.benchmark import Size, baseline, cold_start, cost, growth, http_load, lanes
from billet.benchmark.fixtures import World
from billet.benchmark.report import Table
from billet.benchmark.scenarios import requests
from billet.benchmark.timing import WARM_UP

TASKS = 1_000
LANES = (1, 4, 16)


class Worlds:
    """Tables with names of their own for this run, filled when first asked for."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name = f"bench-{uuid.uuid4().hex[:8]}"
        self._worlds: dict[tuple[str, int, int], World] = {}

    def of(self, purpose: str, tasks: int, lanes: int = 1) -> World:
        """The world with so many tasks and lanes, for those who leave it in the same state."""
        if (purpose, tasks, lanes) not in self._worlds:
            world = World(f"{self._name}-{purpose}-{tasks}-{lanes}", tasks, lanes)
            step = self._progress.add_task(f"filling {tasks:,} tasks", total=world.items)
            world.fill(partial(self._progress.advance, step))
            self._progress.remove_task(step)
            self._worlds[purpose, tasks, lanes] = world
        return self._worlds[purpose, tasks, lanes]


class Bar:
    """A section's progress."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._step = progress.add_task(name, total=None)

    def of(self, total: int) -> Callable[[], object]:
        """What to call for each of so many steps."""
        self._progress.update(self._step, total=total)
        return partial(self._progress.advance, self._step)

    def remove(self) -> None:
        """Takes it off the screen."""
        self._progress.remove_task(self._step)


def sections(names: Sequence[str], size: Size, progress: Progress) -> Iterator[Table]:
    """Yields the tables of each section as soon as they are measured."""
    worlds = Worlds(progress)
    measures = {
        "floor": _floor,
        "http": _http,
        "growth": _growth,
        "cold": _cold,
        "cost": _cost,
        "lanes": _lanes,
    }
    for name in names:
        bar = Bar(progress, name)
        for table in measures[name](size, worlds, bar):
            yield replace(table, section=name)
        bar.remove()


def _floor(size: Size, worlds: Worlds, bar: Bar) -> Iterator[Table]:
    return baseline.measure(
        worlds.of("one", TASKS), size.rounds, bar.of(baseline.steps(size.rounds))
    )


def _http(size: Size, worlds: Worlds, bar: Bar) -> Iterator[Table]:
    steps = http_load.steps(size.connections)
    return http_load.measure(
        worlds.of("http", TASKS), size.connections, size.seconds, bar.of(steps)
    )


def _growth(size: Size, worlds: Worlds, bar: Bar) -> Iterator[Table]:
    grown = [worlds.of("growth", tasks) for tasks in size.worlds]
    return growth.measure(grown, size.growth_rounds, bar.of(growth.steps(size.growth_rounds)))


def _cold(size: Size, worlds: Worlds, bar: Bar) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as folder:
        function = cold_start.unpacked(Path(folder))
        steps = bar.of(cold_start.WARM_UP + size.starts)
        yield from cold_start.measure(worlds.of("one", TASKS), function, size.starts, steps)


def _cost(size: Size, worlds: Worlds, bar: Bar) -> Iterator[Table]:
    return cost.measure(worlds.of("one", TASKS), bar.of(len(requests(0, 0))))


def _lanes(size: Size, worlds: Worlds, bar: Bar) -> Iterator[Table]:
    laned = [worlds.of("lanes", size.laned_tasks, number) for number in LANES]
    return lanes.measure(laned, size.growth_rounds, bar.of(WARM_UP + size.growth_rounds))
