"""The table PREFIX-migrations: which steps ran, how far a walk is, and who runs migrations.

An item is a migration (`0003`: its steps, its file and the file's SHA-256), a segment of a walk
(`0003 backfill tasks 0/4`: its position), or `lease`.
"""

import getpass
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click
import msgspec

from billet import __version__
from billet.migrations import database, tables
from billet.migrations.database import Item
from billet.migrations.migration import Migration
from billet.migrations.schema import Table
from chalicelib.dynamodb import client
from chalicelib.dynamodb.schema_version import Stored

SUFFIX = "migrations"
TABLE = Table(SUFFIX, ("name S",))
STEPS = ("expand", "backfill", "verify", "contract")
LEASE_SECONDS = 60
"""How long a lease is valid after its owner has renewed it for the last time."""
LEASE_KEY = {"name": {"S": "lease"}}
VERSIONS_KEY = {"name": {"S": "lanes"}}
"""The item of the table `counters` that every server reads."""

clock = time.time


class Record(msgspec.Struct, frozen=True):
    """What the database knows of a migration."""

    steps: Mapping[str, str]
    """The steps that ran, each with its time and release."""
    sha256: str
    file: str


class Position(NamedTuple):
    """How far a segment of a walk is."""

    done: bool = False
    key: Item | None = None
    """The key after which it goes on; None for the beginning."""


class State(NamedTuple):
    """What the table has."""

    records: dict[int, Record]
    positions: dict[str, Position]
    """By the name of the segment."""


def create() -> None:
    """Create the table if it does not exist."""
    list(tables.create_or_update(TABLE, lambda: None))


def read(migrations: Sequence[Migration]) -> State:
    """Return the migrations that ran, and the positions of walks.

    Raises:
        click.ClickException: a migration has changed since it ran, or is of a newer release.
    """
    items = database.every(SUFFIX) if tables.describe(SUFFIX) else []
    found = State({}, {})
    for item in items:
        name = item["name"]["S"]
        if name.isdigit():
            found.records[int(name)] = _record(item)
        elif name != LEASE_KEY["name"]["S"]:
            found.positions[name] = Position("done" in item, item.get("position", {}).get("M"))
    _check_files(found.records, {one.number: one for one in migrations})
    return found


def _check_files(records: Mapping[int, Record], known: Mapping[int, Migration]) -> None:
    for number, record in records.items():
        if number not in known:
            raise click.ClickException(
                f"the database has the migration {record.file}, which this release does not have; "
                "use the release that ran it"
            )
        if record.sha256 != known[number].sha256:
            raise click.ClickException(
                f"{known[number].path} has changed since it ran; restore it, and put the change "
                "into a new migration"
            )


def _record(item: Item) -> Record:
    steps = {step: item[step]["S"] for step in STEPS if step in item}
    return Record(steps, item["sha256"]["S"], item["file"]["S"])


def record(migration: Migration, steps: Sequence[str]) -> Record:
    """Record that steps have run, and return them."""
    when = f"{_time(clock())} by {__version__}"
    names = {f"#{step}": step for step in steps}
    _update(
        f"{migration.number:04d}",
        f"SET {', '.join(f'{name} = :when' for name in names)}, sha256 = :sha256, #file = :file",
        {
            ":when": {"S": when},
            ":sha256": {"S": migration.sha256},
            ":file": {"S": str(migration.path)},
        },
        {**names, "#file": "file"},
    )
    return Record(dict.fromkeys(steps, when), migration.sha256, str(migration.path))


def save(segment: str, position: Position) -> None:
    """Save how far a segment of a walk is."""
    if position.done:
        _update(segment, "SET done = :done", {":done": {"BOOL": True}})
    else:
        _update(segment, "SET #at = :at", {":at": {"M": position.key}}, {"#at": "position"})


def forget(segments: Iterable[str]) -> None:
    """Remove the positions of segments."""
    for name in segments:
        database.commit(database.delete(SUFFIX, {"name": {"S": name}}))


def versions() -> Stored:
    """Return the versions that servers read; 0 for one that is missing or no number."""
    item = (database.get("counters", VERSIONS_KEY) or {}) if tables.describe("counters") else {}
    schema, contracted = (int(item.get(name, {}).get("N", 0)) for name in Stored._fields)
    return Stored(schema, contracted)


def raise_version(name: str, number: int) -> None:
    """Raise a version that servers read, `schema` or `contracted`; never lower it."""
    other = "attribute_not_exists(#version) OR NOT attribute_type(#version, :type)"
    write = {
        "Key": VERSIONS_KEY,
        "UpdateExpression": "SET #version = :number",
        "ConditionExpression": f"{other} OR #version < :number",
        "ExpressionAttributeNames": {"#version": name},
        "ExpressionAttributeValues": {":number": {"N": str(number)}, ":type": {"S": "N"}},
    }
    with suppress(client.ConditionFailed):
        database.commit(database.Write("Update", "counters", write))


def holder() -> str:
    """Return who has the lease, and until when; "" if nobody has."""
    item = database.get(SUFFIX, LEASE_KEY) if tables.describe(SUFFIX) else None
    return f"{item['owner']['S']}, until {_time(float(item['ends']['N']))}" if item else ""


def _update(
    name: str,
    change: str,
    values: Item,
    names: Mapping[str, str] | None = None,
    condition: str | None = None,
) -> None:
    arguments: dict[str, Any] = {
        "Key": {"name": {"S": name}},
        "UpdateExpression": change,
        "ExpressionAttributeValues": values,
    }
    arguments |= {"ExpressionAttributeNames": names} if names else {}
    arguments |= {"ConditionExpression": condition} if condition else {}
    database.commit(database.Write("Update", SUFFIX, arguments))


class Lease:
    """The right to run migrations. `keep` must be called more often than LEASE_SECONDS."""

    def __init__(self) -> None:
        self.owner = f"{_user()}@{socket.gethostname()}, process {os.getpid()}"
        self._lock = threading.Lock()
        self._ends = 0.0

    def acquire(self) -> None:
        """Take the lease.

        Raises:
            click.ClickException: another run has it.
        """
        if not self._write("attribute_not_exists(#owner) OR ends < :now OR #owner = :owner"):
            holder = database.get(SUFFIX, LEASE_KEY)
            if holder and not (_is_dead(holder) and self._take_over(holder)):
                raise click.ClickException(
                    f"{holder['owner']['S']} is running migrations, and has the lease until "
                    f"{_time(float(holder['ends']['N']))}; run the command again after that"
                )
            if not holder:
                self.acquire()

    def keep(self) -> None:
        """Renew the lease in time.

        Raises:
            click.ClickException: it has ended, and another run has taken it.
        """
        with self._lock:
            if self._ends - clock() < LEASE_SECONDS * 2 / 3 and not self._write("#owner = :owner"):
                raise click.ClickException(
                    "another run has taken over the migrations; `billet migrate status` shows them"
                )

    def release(self) -> None:
        """Give the lease back."""
        arguments = {
            "Key": LEASE_KEY,
            "ConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": self.owner}},
        }
        with suppress(client.ConditionFailed):  # it had ended, and another run has it
            database.commit(database.Write("Delete", SUFFIX, arguments))

    def _take_over(self, holder: Item) -> bool:
        """Take the lease of a process that does not exist any more."""
        return self._write("#owner = :holder", {":holder": holder["owner"]})

    def _write(self, condition: str, more: Item | None = None) -> bool:
        now = clock()
        values = {
            ":owner": {"S": self.owner},
            ":host": {"S": socket.gethostname()},
            ":process": {"N": str(os.getpid())},
            ":ends": {"N": str(int(now) + LEASE_SECONDS)},
            **({":now": {"N": str(int(now))}} if ":now" in condition else {}),
            **(more or {}),
        }
        try:
            _update(
                "lease",
                "SET #owner = :owner, #host = :host, #process = :process, ends = :ends",
                values,
                {"#owner": "owner", "#host": "host", "#process": "process"},
                condition,
            )
        except client.ConditionFailed:
            return False
        self._ends = now + LEASE_SECONDS
        return True


@contextmanager
def held() -> Iterator[Lease]:
    """Hold the lease within the block. Creates the table if necessary."""
    create()
    lease = Lease()
    lease.acquire()
    try:
        yield lease
    finally:
        lease.release()


def _is_dead(holder: Item) -> bool:
    """Return whether the holder ran on this machine and its process has ended."""
    if holder["host"]["S"] != socket.gethostname():
        return False
    try:
        os.kill(int(holder["process"]["N"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
