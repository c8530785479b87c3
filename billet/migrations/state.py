"""The table PREFIX-migrations: which steps ran, how far a walk is, and who runs migrations.

An item is a migration (`0003`: its steps, its file and the file's SHA-256), a segment of a walk
(`0003 backfill tasks 0/4`: its position), or `lease`.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
LEASE_KEY = {"name": {"S": "lease"}}
"""The key of the item that `lease` writes."""
NUMBER = re.compile("[0-9]{4}")
SEGMENT = re.compile("[0-9]{4} .* [0-9]+/[0-9]+")
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
        if NUMBER.fullmatch(name) and (known := _record(item)):
            found.records[int(name)] = known
        elif SEGMENT.fullmatch(name):
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


def _record(item: Item) -> Record | None:
    """Return what an item says; None if it is broken, so that its steps are made again."""
    try:
        steps = {step: item[step]["S"] for step in STEPS if step in item}
        return Record(steps, item["sha256"]["S"], item["file"]["S"])
    except KeyError:
        return None


def record(migration: Migration, steps: Sequence[str]) -> Record:
    """Record that steps have run, and return them."""
    when = f"{time_of(clock())} by {__version__}"
    names = {f"#{step}": step for step in steps}
    update(
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
        update(segment, "SET done = :done", {":done": {"BOOL": True}})
    else:
        update(segment, "SET #at = :at", {":at": {"M": position.key}}, {"#at": "position"})


def forget(segments: Iterable[str]) -> None:
    """Remove the positions of segments."""
    for name in segments:
        database.commit(database.delete(SUFFIX, {"name": {"S": name}}))


def versions() -> Stored:
    """Return the versions that servers read; 0 for one that is missing or no whole number."""
    item = _versions()
    schema, contracted = (_whole(item.get(name, {})) for name in Stored._fields)
    return Stored(schema, contracted)


def _versions() -> Item:
    return (database.get("counters", VERSIONS_KEY) or {}) if tables.describe("counters") else {}


def _whole(value: Item) -> int:
    text = str(value.get("N", ""))
    return int(text) if text.isdecimal() else 0


def raise_version(name: str, number: int) -> None:
    """Raise a version that servers read, `schema` or `contracted`; never lower it."""
    found = _versions().get(name, {})
    if _whole(found) >= number:
        return
    unchanged = "#version = :found" if found else "attribute_not_exists(#version)"
    write = {
        "Key": VERSIONS_KEY,
        "UpdateExpression": "SET #version = :number",
        "ConditionExpression": unchanged,
        "ExpressionAttributeNames": {"#version": name},
        "ExpressionAttributeValues": {
            ":number": {"N": str(number)},
            **({":found": found} if found else {}),
        },
    }
    with suppress(client.ConditionFailed):
        database.commit(database.Write("Update", "counters", write))


def update(
    name: str,
    change: str,
    values: Item,
    names: Mapping[str, str] | None = None,
    condition: str | None = None,
) -> None:
    """Update the item of this name."""
    arguments: dict[str, Any] = {
        "Key": {"name": {"S": name}},
        "UpdateExpression": change,
        "ExpressionAttributeValues": values,
    }
    arguments |= {"ExpressionAttributeNames": names} if names else {}
    arguments |= {"ConditionExpression": condition} if condition else {}
    database.commit(database.Write("Update", SUFFIX, arguments))


def time_of(seconds: float) -> str:
    """Return a time in UTC as text."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
