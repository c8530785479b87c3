"""The sections, each with the tables that it needs."""

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.progress import Progress

from billet.bench import Size, cold, cost, floor, growth, http, lanes
from billet.bench.report import Table
from billet.bench.worlds import World

TASKS = 1_000
LANED_TASKS = 2_000
LANES = (1, 4, 16)
Advance = Callable[[], object]


class Worlds:
    """Tables with names of their own for this run, filled when first asked for."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name = f"bench-{uuid.uuid4().hex[:8]}"
        self._worlds: dict[tuple[int, int], World] = {}

    def of(self, tasks: int, lanes: int = 1) -> World:
        """The world with so many tasks and lanes."""
        if (tasks, lanes) not in self._worlds:
            world = World(f"{self._name}-{tasks}-{lanes}", tasks, lanes)
            step = self._progress.add_task(f"filling {tasks:,} tasks", total=tasks)
            world.fill(lambda count: self._progress.advance(step, count))
            self._progress.remove_task(step)
            self._worlds[tasks, lanes] = world
        return self._worlds[tasks, lanes]


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
        step = progress.add_task(name, total=None)
        yield from measures[name](size, worlds, partial(progress.advance, step))
        progress.remove_task(step)


def _floor(size: Size, worlds: Worlds, advance: Advance) -> Iterator[Table]:
    return floor.measure(worlds.of(TASKS), size.rounds, advance)


def _http(size: Size, worlds: Worlds, advance: Advance) -> Iterator[Table]:
    return http.measure(worlds.of(TASKS), size.connections, size.seconds, advance)


def _growth(size: Size, worlds: Worlds, advance: Advance) -> Iterator[Table]:
    grown = [worlds.of(tasks) for tasks in size.worlds]
    return growth.measure(grown, size.growth_rounds, advance)


def _cold(size: Size, worlds: Worlds, advance: Advance) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as folder:
        function = cold.unpacked(Path(folder))
        yield from cold.measure(worlds.of(TASKS), function, size.starts, advance)


def _cost(size: Size, worlds: Worlds, advance: Advance) -> Iterator[Table]:
    return cost.measure(worlds.of(TASKS), advance)


def _lanes(size: Size, worlds: Worlds, advance: Advance) -> Iterator[Table]:
    laned = [worlds.of(LANED_TASKS, number) for number in LANES]
    return lanes.measure(laned, size.rounds, advance)
