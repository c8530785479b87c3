"""Walks over tables that change items while the API runs.

A walk has segments that run at the same time. Each saves its position after every page, so that a
walk that was interrupted goes on there. All writes are conditional and have the same effect twice
as once, so two runs that overlap do no harm.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping, Set
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import click

from billet.migrations import database, state, tables
from billet.migrations.database import PAGE
from billet.migrations.migration import Scan
from billet.migrations.state import Position
from chalicelib.domain.errors import LostRace
from chalicelib.dynamodb import client

ITEMS_PER_SEGMENT = 10_000
"""A walk has one segment for so many items."""
MAX_SEGMENTS = 8
SHOW_SECONDS = 0.2
"""How often the progress bar moves."""

monotonic = time.monotonic


@dataclass(frozen=True)
class Options:
    """How the walks run."""

    units_per_second: int | None = None
    """The units, read and write, that all segments together may use in a second."""
    segments: int | None = None
    """The number of segments; None chooses it by the size of the table."""
    dry_run: bool = False
    """Whether to count the changes without making them."""
    quiet: bool = False
    """Whether to print nothing about steps that succeed."""


DEFAULT = Options()


@dataclass
class Outcome:
    """What a walk has done."""

    items: int = 0
    changed: int = 0
    raced: int = 0
    """Items that changed in the meantime. The next walk looks at them again."""
    units: float = 0.0
    first: str = ""
    """The key of the first item that needs a change."""
    saved: set[str] = field(default_factory=set)
    """The names of the segments with a saved position."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, items: int, changed: int, raced: int, units: float) -> None:
        """Add a page."""
        with self.lock:
            self.items += items
            self.changed += changed
            self.raced += raced
            self.units += units


class Pacer:
    """Spreads units evenly over time: a page that took n units is followed by n / rate seconds."""

    def __init__(self, units_per_second: int | None) -> None:
        self._rate = units_per_second
        self._lock = threading.Lock()
        self._next = monotonic()

    def spend(self, units: float, stopped: threading.Event) -> None:
        """Wait until all units that were spent are paid for, these included."""
        if not self._rate:
            return
        with self._lock:
            self._next = max(self._next, monotonic()) + units / self._rate
            pause = self._next - monotonic()
        stopped.wait(max(0.0, pause))


class Walk:
    """A walk over one table.

    Args:
        name: its name in the table of migrations; "" saves no positions.
        positions: the saved positions of this walk, by the name of the segment.
        keep: renews the lease.
    """

    def __init__(
        self,
        scan: Scan,
        name: str,
        positions: Mapping[str, Position],
        options: Options,
        keep: Callable[[], object],
    ) -> None:
        self._scan = scan
        self._name = name
        self._positions = positions
        self._options = options
        self._keep = keep
        self._pacer = Pacer(options.units_per_second)
        self._stopped = threading.Event()
        self.outcome = Outcome(saved=set(positions))

    def run(self) -> Outcome:
        """Walk over the table; show a progress bar on a terminal."""
        count = int((tables.describe(self._scan.suffix) or {}).get("ItemCount", 0))
        segments = self._segments(count)
        with _bar(count, self._scan.suffix) as bar, ThreadPoolExecutor(segments) as threads:
            works = {threads.submit(self._segment, one, segments) for one in range(segments)}
            try:
                self._watch(works, bar)
            finally:
                self._stopped.set()
        return self.outcome

    def _segments(self, count: int) -> int:
        """Return the number of segments: that of the saved positions if there are any."""
        for name in self._positions:
            return int(name.rpartition("/")[2])
        return self._options.segments or min(MAX_SEGMENTS, 1 + count // ITEMS_PER_SEGMENT)

    def _watch(self, running: Set["Future[None]"], bar: Any) -> None:
        shown = 0
        while running:
            done, running = wait(running, timeout=SHOW_SECONDS, return_when=FIRST_EXCEPTION)
            bar.update(self.outcome.items - shown)
            shown = self.outcome.items
            for one in done:
                one.result()

    def _segment(self, segment: int, segments: int) -> None:
        name = f"{self._name} {segment}/{segments}"
        position = self._positions.get(name, Position())
        while not position.done and not self._stopped.is_set():
            self._keep()
            page = database.scan(
                self._scan.suffix,
                position.key,
                condition=self._scan.condition,
                values=self._scan.values,
                segment=segment,
                segments=segments,
                limit=self._limit(),
            )
            units = page.units + self._change(page)
            first = position.key is None
            position = Position(page.next_key is None, page.next_key)
            # A small table has one page, which is as soon read again.
            if self._name and not (first and position.done and segments == 1):
                state.save(name, position)
                self.outcome.saved.add(name)
            self._pacer.spend(units, self._stopped)

    def _limit(self) -> int:
        """Return the size of a page that uses the units of about a second."""
        rate, seen = self._options.units_per_second, self.outcome
        if not rate:
            return PAGE
        units_per_item = seen.units / seen.items if seen.items else 1.0
        return max(1, min(PAGE, int(rate / max(units_per_item, 1 / PAGE))))

    def _change(self, page: database.Page) -> float:
        """Change the items of a page; return the units that the writes used."""
        changed = raced = 0
        units = 0.0
        for item in page.items:
            writes = [*self._scan.change(item)]
            if not writes:
                continue
            self.outcome.first = self.outcome.first or _key_of(writes[-1])
            try:
                units += 0.0 if self._options.dry_run else database.commit(*writes)
                changed += 1
            except (client.ConditionFailed, LostRace):
                raced += 1
        self.outcome.add(page.scanned, changed, raced, page.units + units)
        return units


def _key_of(write: database.Write) -> str:
    key = write.arguments.get("Key") or write.arguments["Item"]
    return ", ".join(f"{name} {next(iter(value.values()))}" for name, value in key.items())


def _bar(length: int, suffix: str) -> AbstractContextManager[Any]:
    label = f"Walking over {suffix}"
    hidden = not sys.stderr.isatty()
    return click.progressbar(length=max(1, length), label=label, hidden=hidden, file=sys.stderr)
