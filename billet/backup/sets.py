"""Sets of backups: one backup of each table, all with the same name."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import click

from billet.backup import service
from chalicelib.dynamodb.models import SUFFIXES

AVAILABLE = "AVAILABLE"


class BackupSet(NamedTuple):
    """The backups with one name, by the suffix of their table."""

    name: str
    backups: Mapping[str, Mapping[str, Any]]

    @property
    def created_at(self) -> datetime:
        """When the first backup was made."""
        first: datetime = min(self._values("BackupCreationDateTime"))
        return first

    @property
    def size(self) -> int:
        """The size in bytes."""
        return sum(self._values("BackupSizeBytes"))

    @property
    def problem(self) -> str | None:
        """Why the set cannot be restored; None if it can."""
        missing = sorted(service.REQUIRED.difference(self.backups))
        if missing:
            return f"lacks {', '.join(missing)}"
        states = {str(one["BackupStatus"]) for one in self.backups.values()} - {AVAILABLE}
        return ", ".join(sorted(states)).lower() or None

    @property
    def absent(self) -> list[str]:
        """The tables of later migrations that the database did not have."""
        return [one for one in SUFFIXES.values() if one not in {*self.backups, *service.REQUIRED}]

    def _values(self, name: str) -> list[Any]:
        return [one[name] for one in self.backups.values() if name in one]


def all_sets(dynamodb: Any, prefix: str) -> list[BackupSet]:
    """Return the sets of the tables with this prefix, the newest last.

    If a set was repeated after a failure, it has the newest backup of each table.
    """
    found: dict[str, dict[str, Any]] = {}
    for suffix, table in service.tables(prefix).items():
        for backup in sorted(_backups(dynamodb, table), key=itemgetter("BackupCreationDateTime")):
            found.setdefault(backup["BackupName"], {})[suffix] = backup
    sets = [BackupSet(name, backups) for name, backups in found.items()]
    return sorted(sets, key=lambda one: one.created_at)


def find(dynamodb: Any, prefix: str, name: str) -> BackupSet:
    """Return the set with this name.

    Raises:
        click.ClickException: there is none, or it is not complete.
    """
    sets = {one.name: one for one in all_sets(dynamodb, prefix)}
    if name not in sets:
        names = f"; there are {', '.join(sets)}" if sets else ""
        raise click.ClickException(f"the tables {prefix}-* have no backup {name}{names}")
    if problem := sets[name].problem:
        raise click.ClickException(f"the backup {name} is not complete: {problem}")
    return sets[name]


def create(dynamodb: Any, prefix: str, name: str) -> Iterator[str]:
    """Back up each table. Yields the name of each table whose backup is available.

    The tables that every database has come last, so a set that has them is complete.

    Raises:
        click.ClickException: there is a complete set with this name, or a table is missing or not
            active. Nothing is backed up.
    """
    if any(one.name == name and not one.problem for one in all_sets(dynamodb, prefix)):
        raise click.ClickException(f"there is a backup {name} already; choose another name")
    arns = {}
    for table in _ready(dynamodb, prefix):
        made = dynamodb.create_backup(TableName=table, BackupName=name)
        arns[table] = made["BackupDetails"]["BackupArn"]
    for table, arn in arns.items():
        service.wait_until(
            partial(_is_available, dynamodb, arn), f"the backup of {table} is not available"
        )
        yield table


def _ready(dynamodb: Any, prefix: str) -> list[str]:
    """Return the tables that exist, and require that they can be backed up.

    Raises:
        click.ClickException: one of them can't.
    """
    found = {
        suffix: (table, service.describe(dynamodb, table))
        for suffix, table in service.tables(prefix).items()
    }
    for suffix, (table, description) in found.items():
        if description is None and suffix in service.REQUIRED:
            raise click.ClickException(f"the table {table} does not exist; nothing is backed up")
        if description and description["TableStatus"] != "ACTIVE":
            raise click.ClickException(
                f"the table {table} is {description['TableStatus']}, and must be ACTIVE; nothing "
                "is backed up"
            )
    return [table for table, description in found.values() if description]


def _is_available(dynamodb: Any, arn: str) -> bool:
    details = dynamodb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
    return bool(details["BackupStatus"] == AVAILABLE)


def _backups(dynamodb: Any, table: str) -> Iterator[Mapping[str, Any]]:
    arguments: dict[str, Any] = {"TableName": table, "BackupType": "USER"}
    # Ends: each page starts after the last backup of the page before it.
    while True:
        page = dynamodb.list_backups(**arguments)
        yield from page["BackupSummaries"]
        if "LastEvaluatedBackupArn" not in page:
            return
        arguments["ExclusiveStartBackupArn"] = page["LastEvaluatedBackupArn"]
