"""Point-in-time recovery: the times to which all tables can be restored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from billet.backup import service

OFF = "is off for one of them, or was switched on only some minutes ago"


class Window(NamedTuple):
    """The first and the last time to which each of the tables can be restored."""

    earliest: datetime
    latest: datetime


def window(dynamodb: Any, prefix: str) -> Window | None:
    """Return the window that all tables have in common; None if there is none."""
    windows = [of_table(dynamodb, table) for table in service.existing(dynamodb, prefix).values()]
    common = [one for one in windows if one is not None]
    if not common or len(common) < len(windows):
        return None
    found = Window(max(one.earliest for one in common), min(one.latest for one in common))
    return found if found.earliest <= found.latest else None


def tables(dynamodb: Any, prefix: str) -> Mapping[str, str]:
    """Return the names of the tables that can be restored to a time, by suffix."""
    found = service.existing(dynamodb, prefix)
    return {one: table for one, table in found.items() if of_table(dynamodb, table)}


def of_table(dynamodb: Any, table: str) -> Window | None:
    """Return the window of a table; None if point-in-time recovery is off."""
    reply = dynamodb.describe_continuous_backups(TableName=table)
    recovery = reply["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        return None
    return Window(
        _utc(recovery["EarliestRestorableDateTime"]), _utc(recovery["LatestRestorableDateTime"])
    )


def choose(dynamodb: Any, prefix: str, wanted: datetime | None) -> datetime:
    """Return the time to restore: the wanted one, or the latest.

    Raises:
        click.ClickException: point-in-time recovery is off, or was off at that time.
    """
    found = window(dynamodb, prefix)
    if found is None:
        raise click.ClickException(
            f"point-in-time recovery of the tables {prefix}-* {OFF}; name a backup "
            "(`billet backup list` shows them)"
        )
    if wanted is None:
        return found.latest.replace(microsecond=0)
    if not found.earliest.replace(microsecond=0) <= wanted <= found.latest:
        raise click.ClickException(
            f"--to-time: must be a time from {text(found.earliest)} to {text(found.latest)}"
        )
    return wanted


def text(moment: datetime) -> str:
    """Return a time as the option --to-time takes it."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
