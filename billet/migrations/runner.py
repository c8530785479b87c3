"""Run the migrations, and show their state.

All functions work on the database that `chalicelib.dynamodb.client.bind` has bound. They print what
they do, raise click.ClickException if they can't complete it, and may be called again at any time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import click

from billet.migrations import MIGRATIONS, database, id_counters, state, tables
from billet.migrations.lease import Lease, held, holder
from billet.migrations.migration import Migration, Scan
from billet.migrations.scanning import DEFAULT, Options, Outcome, Walk
from billet.migrations.schema import Schema, TableSettings, with_indexes, without_index
from billet.migrations.state import STEPS, Position, Record
from chalicelib.dynamodb import client, shared_state
from chalicelib.dynamodb.schema_version import Stored

NOTICE_SECONDS = 2 * shared_state.FRESH_SECONDS
"""The time after which all servers know a new version. Requests that began before it may go on for
REQUEST_SECONDS more."""


class Status(NamedTuple):
    """The state of the database."""

    records: dict[int, Record]
    differences: Sequence[str]
    """How the tables differ from what the migrations make."""
    stored: Stored
    """The versions that servers read."""
    holder: str
    """Who runs migrations now, and until when; "" if nobody does."""

    @property
    def complete(self) -> bool:
        """Whether nothing is to be done."""
        newest = MIGRATIONS[-1].number
        ran = all(set(state.STEPS) <= self.steps(one).keys() for one in MIGRATIONS)
        return ran and not self.differences and self.stored == (newest, newest)

    def steps(self, migration: Migration) -> Mapping[str, str]:
        """Return the steps of a migration that ran."""
        record = self.records.get(migration.number)
        return record.steps if record else {}


def expand(to: int | None = None, *, rebuild_indexes: bool = False) -> None:
    """Create what the migrations add: tables, indexes, Time to Live, settings of tables.

    Creates it again if it was removed. The previous release goes on working.

    Args:
        to: the number of the last migration; None for all.
        rebuild_indexes: whether to build an index with another projection again.
    """
    with _run(to, creates=True) as run:
        run.expand(rebuild_indexes=rebuild_indexes)


def backfill(to: int | None = None, options: Options = DEFAULT) -> None:
    """Bring existing items into the new form, while the API runs. Goes on where it stopped.

    Args:
        to: the number of the last migration; None for all.
    """
    with _run(to, options) as run:
        run.backfill()


def verify(to: int | None = None, options: Options = DEFAULT) -> None:
    """Check that the tables and all items have the new form. Writes nothing."""
    with _run(to, options, writes=False) as run:
        run.verify()


def contract(to: int | None = None, options: Options = DEFAULT) -> None:
    """Remove what nothing needs any more. No server of the previous release may run.

    Repeats the backfill first, for what the previous release has written since, and verifies it.
    Before that it raises the version `contracted`, so that servers write the new form only.
    """
    with _run(to, options) as run:
        run.contract()


def up(to: int | None = None, options: Options = DEFAULT) -> None:
    """Run all steps: expand, backfill, verify, contract."""
    with _run(to, options, creates=True) as run:
        run.expand()
        run.backfill()
        run.contract()


def status(to: int | None = None) -> Status:
    """Return the state of the database.

    Args:
        to: the number of the last migration that may make differences, apart from those that ran.
    """
    records = state.read(MIGRATIONS).records
    made = [one for one in MIGRATIONS if one in chosen(to) or one.number in records]
    return Status(records, _differences(made), state.versions(), holder())


def chosen(to: int | None) -> Sequence[Migration]:
    """Return the migrations up to this number, all for None."""
    known = [one.number for one in MIGRATIONS]
    if to is not None and to not in known:
        raise click.ClickException(f"--to: must be between {known[0]} and {known[-1]}")
    return [one for one in MIGRATIONS if to is None or one.number <= to]


def schema_of(migrations: Sequence[Migration]) -> Schema:
    """Return what these migrations make together, without what they remove."""
    found = {table.suffix: table for one in migrations for table in one.tables}
    expiries: dict[str, str] = {}
    settings = TableSettings()
    for one in migrations:
        for suffix, indexes in one.indexes.items():
            found[suffix] = with_indexes(found[suffix], indexes)
        expiries |= one.expiries
        settings = one.settings or settings
    for name in (name for one in migrations for name in one.drops):
        suffix, _, index = name.partition("/")
        if index:
            found[suffix] = without_index(found[suffix], index)
        else:
            del found[suffix]
    deployed = client.database.settings.stage != "local"
    return Schema(found, expiries, settings if deployed else TableSettings())


def _differences(migrations: Sequence[Migration]) -> Sequence[str]:
    """Return how the tables differ from what these migrations make."""
    schema = schema_of(migrations)
    own = {state.SUFFIX: state.TABLE} if tables.describe(state.SUFFIX) else {}
    return [*tables.differences(schema), *tables.differences(Schema(own, {}, schema.settings))]


class _Run:
    """A run of some steps.

    Args:
        lease: the right to run them; None for a run that writes nothing.
    """

    def __init__(self, to: int | None, options: Options, lease: Lease | None = None) -> None:
        self._records, self._positions = state.read(MIGRATIONS)
        self._chosen = chosen(to)
        self._options = options
        self._lease = lease
        self._keep: Callable[[], object] = lease.keep if lease else lambda: None
        self._in_use = state.versions().schema > 0
        """Whether servers of this release may run."""
        self._finished: set[str] = set()
        """Saved positions that are not needed once the step is recorded."""

    def _say(self, line: str) -> None:
        if not self._options.quiet:
            click.echo(line)

    def expand(self, *, rebuild_indexes: bool = False) -> None:
        last = max([one.number for one in self._chosen] + [*self._records])
        schema = schema_of([one for one in MIGRATIONS if one.number <= last])
        for suffix, table in schema.tables.items():
            changes = [*tables.create_or_update(table, self._keep, rebuild=rebuild_indexes)]
            attribute = schema.expiries.get(suffix)
            if attribute and tables.enable_expiry(suffix, attribute, self._keep):
                changes.append("TTL enabled")
            changes += tables.apply_settings(suffix, schema.settings, self._keep)
            if changes:
                self._say(f"{database.table_name(suffix)}: {', '.join(changes)}")
        if changes := [*tables.apply_settings(state.SUFFIX, schema.settings, self._keep)]:
            self._say(f"{database.table_name(state.SUFFIX)}: {', '.join(changes)}")
        for text in tables.unsupported("counters", schema.settings):
            self._say(text)
        for migration in self._chosen:
            self._done(migration, *(STEPS if migration.only_adds else ["expand"]))

    def backfill(self) -> None:
        self._require("expand")
        self._require_counters()
        walked = self._to_walk("backfill")
        for migration in self._chosen:
            self._once(migration)
            if migration in walked:
                self._walk(migration, "backfill", migration.early_scans, skip_broken=True)
                self._done(migration, "backfill")
        self._raise_version("schema")

    def verify(self) -> None:
        self._require("backfill")
        self._require_counters()
        if differences := _differences(self._chosen):
            raise click.ClickException(f"{'; '.join(differences)}; run `billet migrate expand`")
        for migration in self._chosen:
            contracted = self._has(migration, "contract")
            self._verify(migration, migration.scans if contracted else migration.early_scans)

    def contract(self) -> None:
        self._require("backfill")
        self._require_counters()
        self._raise_version("contracted")
        pending = [one for one in self._chosen if not self._has(one, "contract")]
        if self._in_use and any(scan.late for one in pending for scan in one.scans):
            self._await_servers()
        for migration in self._to_walk("contract"):
            self._contract(migration)
            self._done(migration, "verify", "contract")
        self._forget_positions()

    def _to_walk(self, step: str) -> Sequence[Migration]:
        """Return the migrations without this step; all of them again if none is."""
        pending = [one for one in self._chosen if not self._has(one, step)]
        return pending or (self._chosen if self._options.repeat else [])

    def _forget_positions(self) -> None:
        """Remove the positions of complete migrations, which killed runs have left."""
        if self._options.dry_run:
            return
        complete = {f"{one.number:04d}" for one in self._chosen if self._has(one, "contract")}
        state.forget(name for name in self._positions if name.partition(" ")[0] in complete)

    def _await_servers(self) -> None:
        """Wait until all servers know the version, and requests that began before have ended."""
        if self._lease and NOTICE_SECONDS:
            seconds = NOTICE_SECONDS + client.database.settings.request_seconds
            self._say(f"Waiting {seconds:g} s for requests that write the old form")
            self._lease.wait(seconds)

    def _contract(self, migration: Migration) -> None:
        self._walk(migration, "contract", migration.scans)
        if not self._options.dry_run:
            self._verify_walk(migration)
        self._walk(migration, "removal", migration.removals)
        for name in migration.drops:
            self._drop(name)

    def _verify_walk(self, migration: Migration) -> None:
        """Verify what contract has changed; if that fails, let the next run walk again."""
        try:
            self._verify(migration, migration.scans)
        except click.ClickException:
            number = f"{migration.number:04d} "
            saved = self._finished | self._positions.keys()
            state.forget(name for name in saved if name.startswith(number))
            raise

    def _drop(self, name: str) -> None:
        suffix, _, index = name.partition("/")
        if not self._options.dry_run:
            if index:
                tables.remove_index(suffix, index, self._keep)
            else:
                tables.remove_table(suffix)
        done = "would be removed" if self._options.dry_run else "removed"
        self._say(f"{database.table_name(suffix)}: {index or 'table'} {done}")

    def _once(self, migration: Migration) -> None:
        for one in migration.once:
            if text := one.missing():
                if not self._options.dry_run:
                    one.run()
                self._say(f"{migration.name}: {text}")

    def _walk(
        self, migration: Migration, step: str, scans: Sequence[Scan], *, skip_broken: bool = False
    ) -> None:
        dry_run = self._options.dry_run
        options = replace(self._options, skip_broken=skip_broken)
        for scan in scans:
            name = f"{migration.number:04d} {step} {scan.suffix}"
            repeated = self._has(migration, "backfill" if step == "backfill" else "contract")
            outcome = self._outcome(scan, "" if dry_run or repeated else name, options)
            if outcome.items:
                self._say(f"{name}: {_summary(outcome, dry_run=dry_run)}")
            for item, cause in outcome.broken.items():
                click.echo(f"{_broken(item)} (left as it is: {cause})", err=True)
            self._finished |= outcome.saved

    def _verify(self, migration: Migration, scans: Sequence[Scan]) -> None:
        """Raise ClickException if the migration would change something."""
        faults = [f"{text}: to do" for one in migration.once if (text := one.missing())]
        for scan in scans:
            outcome = self._outcome(scan, "", replace(self._options, dry_run=True))
            if outcome.changed:
                faults.append(
                    f"{outcome.changed} items of {scan.suffix} have the old form, such as "
                    f"{outcome.first}"
                )
        if faults:
            raise click.ClickException(
                f"{migration.name}: {'; '.join(faults)}. If servers of the previous release still "
                "run, stop them; then run `billet migrate contract`, which repeats the backfill"
            )

    def _outcome(self, scan: Scan, name: str, options: Options) -> Outcome:
        outcome = Walk(scan, name, self._saved(name), options, self._keep).run()
        for item, cause in outcome.broken.items() if not options.skip_broken else ():
            raise click.ClickException(f"{_broken(item)} ({cause})")
        return outcome

    def _saved(self, walk: str) -> dict[str, Position]:
        """Return the saved positions of a walk."""
        return {
            name: position
            for name, position in self._positions.items()
            if walk and name.startswith(f"{walk} ")
        }

    def _require(self, step: str) -> None:
        missing = [one.name for one in self._chosen if not self._has(one, step)]
        if missing and not self._options.dry_run:
            raise click.ClickException(f"{missing[0]}: run `billet migrate {step}` first")

    def _require_counters(self) -> None:
        if fault := id_counters.fault():
            raise click.ClickException(fault)

    def _has(self, migration: Migration, step: str) -> bool:
        record = self._records.get(migration.number)
        return record is not None and step in record.steps

    def _done(self, migration: Migration, *steps: str) -> None:
        new = [step for step in steps if not self._has(migration, step)]
        if not new or self._options.dry_run:
            return
        known = self._records.get(migration.number)
        record = state.record(migration, new)
        steps_now = {**(known.steps if known else {}), **record.steps}
        self._records[migration.number] = Record(steps_now, record.sha256, record.file)
        state.forget(self._finished)
        self._finished = set()
        self._say(f"{migration.name}: {', '.join(new)} done")

    def _raise_version(self, name: str) -> None:
        if not self._options.dry_run:
            state.raise_version(name, self._chosen[-1].number)


@contextmanager
def _run(
    to: int | None, options: Options = DEFAULT, *, creates: bool = False, writes: bool = True
) -> Iterator[_Run]:
    """Begin a run.

    Args:
        creates: whether it creates tables; another run needs some.
        writes: whether it writes, so that it needs the lease.
    """
    chosen(to)  # an unknown one is an error before the lease is taken
    if not creates:
        _require_tables()
    if options.dry_run or not writes:
        yield _Run(to, options)
        return
    with held(options.patience) as lease:
        yield _Run(to, options, lease)


def _require_tables() -> None:
    if not any(map(tables.describe, schema_of(MIGRATIONS).tables)):
        raise click.ClickException(
            f"no tables with the prefix {client.database.settings.prefix} (STAGE, TABLE_PREFIX); "
            "`billet migrate expand` creates them"
        )


def _broken(item: str) -> str:
    return f"{item}: is broken; run `billet doctor --repair` first"


def _summary(outcome: Outcome, *, dry_run: bool) -> str:
    changed = "would change" if dry_run else "changed"
    raced = f", {outcome.raced} changed in the meantime" if outcome.raced else ""
    return (
        f"{outcome.items:,} items read, {outcome.changed:,} {changed}{raced}; "
        f"{outcome.units:,.0f} units"
    )
