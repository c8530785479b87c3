"""What a migration is. docs/migrations.md tells how to write one."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from billet.migrations.database import Item, Write
from billet.migrations.schema import Index, Table, TableSettings


@dataclass(frozen=True)
class Scan:
    """A walk over a table that changes items.

    Args:
        suffix: the table.
        change: returns the conditional writes for an item, none if nothing is to be done. Writes
            that are carried out make a second call return none.
        units: the write units that one changed item takes, about.
        condition: a filter expression, which leaves out items that never need a change.
        values: the values in the filter expression.
        late: whether only contract makes the changes. That is for a form that the previous release
            can't work with; servers must write the old form until `shared_state.contracted` has
            reached the migration. It is also for items that only need a change if both releases
            have written them.
    """

    suffix: str
    change: Callable[[Item], Iterable[Write]]
    units: int
    condition: str | None = None
    values: Item | None = None
    late: bool = False


@dataclass(frozen=True)
class Once:
    """A change that needs no walk over a table.

    Args:
        text: what it does, for `plan`.
        missing: returns what is to be done, or None.
        run: does it. A second call does nothing.
    """

    text: str
    missing: Callable[[], str | None]
    run: Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Migration:
    """A change of the database, in the steps expand, backfill and contract.

    A migration module does not import the models, so that it stays the same when they change.
    """

    file: str
    """The module's `__file__`; its name has the number: m0003_last_day.py."""
    title: str
    """What it does, in one line."""
    tables: tuple[Table, ...] = ()
    """expand: the tables that it creates, with their indexes."""
    indexes: Mapping[str, tuple[Index, ...]] = field(default_factory=dict)
    """expand: the global indexes that it adds to existing tables, by table."""
    expiries: Mapping[str, str] = field(default_factory=dict)
    """expand: the attribute for Time to Live, by table."""
    settings: TableSettings | None = None
    """expand: the settings of all tables."""
    once: tuple[Once, ...] = ()
    """backfill: the changes that need no walk."""
    scans: tuple[Scan, ...] = ()
    """backfill: the changes of existing items. `contract` repeats them, for what the previous
    release has written in the meantime."""
    removals: tuple[Scan, ...] = ()
    """contract: the removal of what nothing needs any more."""
    drops: tuple[str, ...] = ()
    """contract: the tables and indexes that it removes: `tasks`, or `tasks/newest`."""

    @property
    def number(self) -> int:
        """The number, from the name of the file."""
        return int(self._name[1])

    @property
    def early_scans(self) -> Sequence[Scan]:
        """The scans that backfill makes."""
        return [one for one in self.scans if not one.late]

    @property
    def name(self) -> str:
        """The number and the name: 0003 last_day."""
        return f"{self._name[1]} {self._name[2]}"

    @property
    def only_adds(self) -> bool:
        """Whether it is complete after expand."""
        return not (self.once or self.scans or self.removals or self.drops)

    @property
    def path(self) -> Path:
        """The file, from the folder of the project."""
        return Path("billet", "migrations", Path(self.file).name)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the source, with line ends of Unix."""
        source = Path(self.file).read_bytes().replace(b"\r\n", b"\n")
        return hashlib.sha256(source).hexdigest()

    @property
    def _name(self) -> re.Match[str]:
        match = re.fullmatch(r"m(\d{4})_(\w+)\.pyc?", Path(self.file).name)
        assert match, self.file  # noqa: S101
        return match
