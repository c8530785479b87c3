"""Walks over tables that change items while the API runs.

A walk has segments that run at the same time. Each saves its position after every page, so that a
walk that was interrupted goes on there. All writes are conditional and have the same effect twice
as once, so two runs that overlap do no harm.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from billet.cli import progress
from billet.migrations import database, state, tables
from billet.migrations.database import PAGE, Item, Write
from billet.migrations.migration import Scan
from billet.migrations.state import Position
from chalicelib.domain.errors import LostRace
from chalicelib.dynamodb import client

ITEMS_PER_SEGMENT = 10_000
"""A walk has one segment for so many items."""
MAX_SEGMENTS = 8
SLICE_SECONDS = 5.0
"""How often a pause renews the lease."""
UNIT_RATIO = 4
"""A read unit is so many times as many bytes as a write unit."""
BROKEN = (LookupError, ValueError, TypeError, AttributeError)
"""What a migration raises for an item that lacks an attribute, or has one of another type."""
SHOW_SECONDS = 0.2
"""How often the progress bar moves."""
ATTEMPTS = 8
"""How often an item is read and changed while other writes change it too."""

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
    repeat: bool = False
    """Whether to walk again for migrations that are recorded as done."""
    patience: float = 0.0
    """The seconds to wait for another run that works."""
    skip_broken: bool = False
    """Whether a walk goes on after broken items."""


DEFAULT = Options()


@dataclass
class Outcome:
    """What a walk has done."""

    items: int = 0
    changed: int = 0
    raced: int = 0
    """Items that other writes changed during every attempt. The next walk looks at them again."""
    units: float = 0.0
    read_units: float = 0.0
    first: str = ""
    """The key of the first item that needs a change."""
    broken: dict[str, str] = field(default_factory=dict)
    """The items for which no change can be made, each with the reason."""
    saved: set[str] = field(default_factory=set)
    """The names of the segments with a saved position."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, page: database.Page, changed: int, raced: int, written: float) -> None:
        """Add a page, and the units that its writes used."""
        with self.lock:
            self.items += page.scanned
            self.changed += changed
            self.raced += raced
            self.read_units += page.units
            self.units += page.units + written


class _Done(NamedTuple):
    """What became of an item."""

    units: float
    """The units of its writes, and of what was read again for them."""
    changed: bool = False
    raced: bool = False


class Pacer:
    """Spreads units evenly over time: a page that took n units is followed by n / rate seconds."""

    def __init__(self, units_per_second: int | None) -> None:
        self._rate = units_per_second
        self._lock = threading.Lock()
        self._next = monotonic()

    def spend(self, units: float, stopped: threading.Event, keep: Callable[[], object]) -> None:
        """Wait until all units that were spent are paid for, these included; keep the lease."""
        if not self._rate:
            return
        with self._lock:
            self._next = max(self._next, monotonic()) + units / self._rate
            pause = self._next - monotonic()
        while pause > 0 and not stopped.wait(min(pause, SLICE_SECONDS)):
            pause -= SLICE_SECONDS
            keep()


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
            self._pacer.spend(units, self._stopped, self._keep)

    def _limit(self) -> int:
        """Return the size of a page that uses the units of about a second, if all items change."""
        rate, seen = self._options.units_per_second, self.outcome
        if not rate:
            return PAGE
        writes = 0 if self._options.dry_run else self._scan.units
        return page_size(rate, seen.items, seen.read_units, seen.units, writes)

    def _change(self, page: database.Page) -> float:
        """Change the items of a page; return the units that the writes used."""
        done = [self._change_item(item) for item in page.items]
        units = sum(one.units for one in done)
        changed, raced = sum(one.changed for one in done), sum(one.raced for one in done)
        self.outcome.add(page, changed, raced, units)
        return units

    def _change_item(self, item: Item) -> "_Done":
        """Change an item; if another write comes first, read it again and decide anew.

        That write need not have given it the new form: a server writes what a request changes.
        """
        units = 0.0
        current: Item | None = item
        for _ in range(ATTEMPTS):
            self._keep()
            writes = self._writes(current) if current else ()
            if not writes:
                return _Done(units)
            self.outcome.first = self.outcome.first or _key_of(writes[-1])
            if self._options.dry_run:
                return _Done(units, changed=True)
            try:
                return _Done(units + database.commit(*writes), changed=True)
            except (client.ConditionFailed, LostRace):
                page = self._read_again(item)
                units += page.units
                current = next(iter(page.items), None)
        return _Done(units, raced=True)

    def _read_again(self, item: Item) -> database.Page:
        """Return a page with the item as it is now, or without it if it needs no change."""
        return database.find(
            self._scan.suffix,
            {name: item[name] for name in self._key_names},
            condition=self._scan.condition,
            values=self._scan.values,
        )

    def _writes(self, item: Item) -> Sequence[Write]:
        """Return the writes for an item; none for a broken one, which is noted."""
        try:
            return [*self._scan.change(item)]
        except BROKEN as error:
            cause = f"{type(error).__name__}: {error}"
        except ClientError as error:
            if database.code_of(error) != "ValidationException":
                raise
            cause = str(error.response["Error"].get("Message"))
        self.outcome.broken[f"{self._scan.suffix} {self._identity(item)}"] = cause
        return ()

    def _identity(self, item: Item) -> str:
        """Return the key of an item as text."""
        return " ".join(str(next(iter(item[name].values()))) for name in self._key_names)

    @cached_property
    def _key_names(self) -> Sequence[str]:
        description = tables.describe(self._scan.suffix) or {"KeySchema": ()}
        return [one["AttributeName"] for one in description["KeySchema"]]


def page_size(rate: int, items: int, read_units: float, units: float, writes: int) -> int:
    """Return the number of items that use the units of about a second, even if all change.

    Args:
        rate: the units per second.
        items: the number of items that were read before. The first page has one.
        read_units: the units that reading them used.
        units: all units that they used.
        writes: the write units of a changed item of 1 KB.
    """
    if not items:
        return 1
    reads = read_units / items
    each = max(units / items, reads + writes * max(1.0, UNIT_RATIO * reads))
    return max(1, min(PAGE, int(rate / each)))


def _key_of(write: Write) -> str:
    key = write.arguments.get("Key") or write.arguments["Item"]
    return ", ".join(f"{name} {next(iter(value.values()))}" for name, value in key.items())


def _bar(length: int, suffix: str) -> AbstractContextManager[Any]:
    label = f"Walking over {suffix}"
    return progress.bar(length, label, hidden=not sys.stderr.isatty())
