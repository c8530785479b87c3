"""Create tables and indexes, one at a time, and compare them with a schema."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from botocore.exceptions import ClientError

from billet.migrations import database
from billet.migrations.schema import (
    Description,
    Index,
    Schema,
    Table,
    TableSettings,
    definitions,
    found,
    projection_of,
)
from chalicelib.dynamodb import client

POLL_SECONDS = 0.5
REPORT_SECONDS = 30.0
"""How often a state that does not change is printed."""
MAX_WAIT_SECONDS = 6 * 3600.0
"""The time that a table and its indexes may take to become active."""
MAX_SETTINGS_SECONDS = 120.0
"""The time that a new table may take until its settings can be changed."""
TEMPORARY_STATES = {"ACTIVE", "CREATING", "UPDATING", "DELETING"}
"""The states that a table or an index has, or leaves without an action of its owner."""
NOT_SUPPORTED = ("UnknownOperationException", "UnsupportedOperation", "NotImplemented")
EXPORT = (
    "only a new table can fix that: `billet export FILE`, then set another TABLE_PREFIX, "
    "`billet migrate up` and `billet import FILE`"
)
"""The way on if a table can't be changed."""
Keep = Callable[[], object]
"""Renews the lease; called while waiting."""


def describe(suffix: str) -> Description | None:
    """Return the table's description, or None if it does not exist."""
    try:
        reply: Description = database.call("describe_table", TableName=database.table_name(suffix))[
            "Table"
        ]
    except ClientError as error:
        if database.code_of(error) == "ResourceNotFoundException":
            return None
        raise
    return reply


def create_or_update(table: Table, keep: Keep, *, rebuild: bool = False) -> Iterator[str]:
    """Create the table, or the global indexes that it lacks.

    Args:
        rebuild: whether to build an index with another projection again.

    Yields:
        Each change, once it is made.

    Raises:
        click.ClickException: what exists can't be changed.
    """
    name = database.table_name(table.suffix)
    description = describe(table.suffix)
    if description is None:
        _create(table)
        _await_active(table.suffix, keep)
        yield "created"
        return
    if faults := table.unrepairable(description):
        raise click.ClickException(f"{name}: {'; '.join(faults)}; {EXPORT}")
    wrong = table.other_projections(description)
    if wrong and not rebuild:
        raise click.ClickException(f"{name}: {'; '.join(map(_rebuild_hint, wrong))}")
    for index in wrong:
        _await_active(table.suffix, keep)
        remove_index(table.suffix, index.name, keep)
        yield f"index {index.name} removed"
    description = _await_active(table.suffix, keep)
    for index in table.missing(description):
        _add_index(table, index)
        _await_active(table.suffix, keep)
        yield f"index {index.name} added"


def _rebuild_hint(index: Index) -> str:
    return (
        f"the index {index.name} does not have {projection_of(index)}; `billet migrate expand "
        "--rebuild-indexes` builds it again, and requests that use it fail in the meantime"
    )


def _create(table: Table) -> None:
    try:
        database.call(
            "create_table", TableName=database.table_name(table.suffix), **table.request()
        )
    except ClientError as error:
        if database.code_of(error) != "ResourceInUseException":  # created in the meantime
            raise


def _add_index(table: Table, index: Index) -> None:
    """Let DynamoDB build a global index; the table can be used meanwhile."""
    existing = found(describe(table.suffix) or {})
    keys = [one.key for one in table.indexes if one.name in existing]
    database.call(
        "update_table",
        TableName=database.table_name(table.suffix),
        AttributeDefinitions=definitions(table.key, index.key, *keys),
        GlobalSecondaryIndexUpdates=[{"Create": index.request()}],
    )


def remove_index(suffix: str, name: str, keep: Keep) -> None:
    """Remove a global index if it exists, and wait until it is gone."""
    if describe(suffix) is None or name not in states(_await_active(suffix, keep)):
        return
    database.call(
        "update_table",
        TableName=database.table_name(suffix),
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}],
    )
    _await_active(suffix, keep)


def remove_table(suffix: str) -> None:
    """Remove a table if it exists."""
    if describe(suffix) is None:
        return
    name = database.table_name(suffix)
    database.call("update_table", TableName=name, DeletionProtectionEnabled=False)
    database.call("delete_table", TableName=name)


def _await_active(suffix: str, keep: Keep) -> Description:
    """Wait until the table and its indexes are active; print progress; return the description."""
    name = database.table_name(suffix)
    started = reported = time.monotonic()
    seen = ""
    existed = False
    while True:
        description = describe(suffix)
        found = states(description) if description else {"table": "MISSING"}
        if description and set(found.values()) == {"ACTIVE"}:
            return description
        shown = listed(found)
        if existed and not description:
            raise click.ClickException(f"{name} was deleted; run the command again")
        existed = description is not None
        if not (TEMPORARY_STATES | {"MISSING"}).issuperset(found.values()):
            raise click.ClickException(
                f"{name} can't become active ({shown}); repair it in the AWS console, then run "
                "the command again"
            )
        now = time.monotonic()
        if now - started >= MAX_WAIT_SECONDS:
            raise click.ClickException(
                f"{name} is not active after {MAX_WAIT_SECONDS:g} seconds ({shown}); run the "
                "command again to wait longer"
            )
        if now - started >= POLL_SECONDS and (shown != seen or now - reported >= REPORT_SECONDS):
            click.echo(f"{name}: waiting, {shown}{_progress(description)}")
            seen, reported = shown, now
        keep()
        time.sleep(POLL_SECONDS)


def states(description: Description) -> dict[str, str]:
    """Return the state of the table and of each global index; local ones have their table's."""
    indexes = description.get("GlobalSecondaryIndexes", ())
    return {
        "table": description["TableStatus"],
        **{index["IndexName"]: index["IndexStatus"] for index in indexes},
    }


def listed(found: Mapping[str, str]) -> str:
    """Return states in one line."""
    return ", ".join(f"{name} {state}" for name, state in found.items())


def _progress(description: Description | None) -> str:
    """Return how far an index is that DynamoDB builds."""
    indexes = (description or {}).get("GlobalSecondaryIndexes", ())
    building = [one for one in indexes if one["IndexStatus"] == "CREATING"]
    return "".join(
        f"; {one['IndexName']} has {one.get('ItemCount', 0)} items"
        f"{', backfilling' if one.get('Backfilling') else ''}"
        for one in building
    )


def expires_by(suffix: str) -> str | None:
    """Return the attribute by which the table's items expire; None if TTL is off."""
    reply = database.call("describe_time_to_live", TableName=database.table_name(suffix))
    description = reply["TimeToLiveDescription"]
    if description["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        return None
    return str(description["AttributeName"])


def enable_expiry(suffix: str, attribute: str, keep: Keep) -> bool:
    """Enable Time to Live if it is off. Return whether it was.

    Raises:
        click.ClickException: it is on for another attribute.
    """
    current = expires_by(suffix)
    if current == attribute:
        return False
    name = database.table_name(suffix)
    if current:
        raise click.ClickException(
            f"{name}: TTL uses the attribute {current}, and should use {attribute}; disable it "
            "with `aws dynamodb update-time-to-live`, wait an hour, and run the command again"
        )
    specification = {"Enabled": True, "AttributeName": attribute}
    _when_ready("update_time_to_live", keep, TableName=name, TimeToLiveSpecification=specification)
    return True


def apply_settings(suffix: str, settings: TableSettings, keep: Keep) -> Iterator[str]:
    """Apply the settings that the table lacks. Yield each of them, once it is applied."""
    for text, operation, arguments in _lacking(suffix, settings):
        _when_ready(operation, keep, **arguments)
        _await_active(suffix, keep)
        yield text


def _lacking(suffix: str, settings: TableSettings) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the settings that the table lacks, each with the call that applies it."""
    name = database.table_name(suffix)
    description = describe(suffix) or {}
    if settings.point_in_time_recovery and _recovery(name) == "DISABLED":
        on = {"PointInTimeRecoveryEnabled": True}
        arguments: dict[str, Any] = {"TableName": name, "PointInTimeRecoverySpecification": on}
        yield "point-in-time recovery", "update_continuous_backups", arguments
    if settings.deletion_protection and description.get("DeletionProtectionEnabled") is False:
        arguments = {"TableName": name, "DeletionProtectionEnabled": True}
        yield "deletion protection", "update_table", arguments
    stage = client.database.settings.stage
    tags = {key: value.format(stage=stage) for key, value in settings.tags.items()}
    existing = _tags(description["TableArn"]) if tags and description else None
    if existing is not None and not tags.items() <= existing.items():
        request = [{"Key": key, "Value": value} for key, value in tags.items()]
        yield "tags", "tag_resource", {"ResourceArn": description["TableArn"], "Tags": request}


def unsupported(suffix: str, settings: TableSettings) -> Iterator[str]:
    """Yield the settings that an emulator does not support."""
    description = describe(suffix) or {}
    if settings.point_in_time_recovery and _recovery(database.table_name(suffix)) is None:
        yield "point-in-time recovery skipped: DynamoDB Local does not support it"
    if settings.tags and description and _tags(description["TableArn"]) is None:
        yield "tags skipped: DynamoDB Local does not support them"


def _recovery(name: str) -> str | None:
    """Return the state of point-in-time recovery; None if the database does not support it."""
    reply = _if_supported("describe_continuous_backups", TableName=name)
    if reply is None:
        return None
    description = reply["ContinuousBackupsDescription"]
    recovery = description.get("PointInTimeRecoveryDescription", {})
    return str(recovery.get("PointInTimeRecoveryStatus", "DISABLED"))


def _tags(arn: str) -> Mapping[str, str] | None:
    """Return the tags of a table; None if the database does not support them."""
    reply = _if_supported("list_tags_of_resource", ResourceArn=arn)
    return None if reply is None else {one["Key"]: one["Value"] for one in reply.get("Tags", ())}


def _if_supported(operation: str, **arguments: Any) -> Mapping[str, Any] | None:
    try:
        reply: Mapping[str, Any] = database.call(operation, **arguments)
    except ClientError as error:
        if database.code_of(error) not in NOT_SUPPORTED:
            raise
        return None
    return reply


def _when_ready(operation: str, keep: Keep, **arguments: Any) -> None:
    """Call an operation, again while DynamoDB is still at work on a new table."""
    busy = ("ContinuousBackupsUnavailableException", "ResourceInUseException")
    deadline = time.monotonic() + MAX_SETTINGS_SECONDS
    while True:
        try:
            database.call(operation, **arguments)
        except ClientError as error:
            if database.code_of(error) not in busy or time.monotonic() >= deadline:
                raise
        else:
            return
        keep()
        time.sleep(POLL_SECONDS)


def differences(schema: Schema) -> Iterator[str]:
    """Yield how the tables in the database differ from a schema."""
    for suffix, table in schema.tables.items():
        yield from (
            f"{database.table_name(suffix)}: {text}"
            for text in _differences(table, schema.expiries.get(suffix), schema.settings)
        )


def _differences(table: Table, expiry: str | None, settings: TableSettings) -> Iterator[str]:
    description = describe(table.suffix)
    if description is None:
        yield "MISSING"
        return
    yield from table.unrepairable(description)
    yield from (f"the index {one.name} is MISSING" for one in table.missing(description))
    yield from (
        f"the index {one.name} does not have {projection_of(one)}"
        for one in table.other_projections(description)
    )
    expected = {"table", *(one.name for one in table.indexes)}
    for name, state in states(description).items():
        if state != "ACTIVE" and name in expected:
            yield f"{name if name == 'table' else f'the index {name}'} is {state}"
    if expiry and expires_by(table.suffix) != expiry:
        yield f"TTL by {expiry} is off"
    yield from (f"without {text}" for text, *_ in _lacking(table.suffix, settings))


def summary(suffix: str) -> str:
    """Return the state of a table and its indexes, and its number of items, in one line."""
    description = describe(suffix)
    if description is None:
        return "MISSING"
    found = states(description)
    facts = [found.pop("table"), f"{description['ItemCount']} items"]
    return ", ".join([*facts, *([listed(found)] if found else [])])
