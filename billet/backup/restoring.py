"""Restore all tables under a new prefix, with the settings that a restore does not bring back.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import click
from botocore.exceptions import ClientError

from billet.backup import recovery, service
from billet.backup.sets import BackupSet
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES

Summary = Mapping[str, Any]
"""What DescribeTable says about where a restored table comes from."""


def from_backup(dynamodb: Any, backup: BackupSet, prefix: str) -> None:
    """Start to restore the tables of a set under a new prefix.

    Raises:
        click.ClickException: a table exists and was not restored from this backup.
    """
    arns = {
        table: backup.backups[suffix]["BackupArn"]
        for suffix, table in service.tables(prefix).items()
        if suffix in backup.backups
    }
    _start(
        dynamodb,
        list(arns),
        is_same=lambda table, summary: summary.get("SourceBackupArn") == arns[table],
        restore=lambda table: dynamodb.restore_table_from_backup(
            TargetTableName=table, BackupArn=arns[table]
        ),
    )


def to_time(dynamodb: Any, source_prefix: str, moment: datetime, prefix: str) -> None:
    """Start to restore the tables as they were at a time, under a new prefix.

    Raises:
        click.ClickException: a table exists and was not restored to this time.
    """
    found = recovery.tables(dynamodb, source_prefix)
    sources = {f"{prefix}-{suffix}": table for suffix, table in found.items()}
    _start(
        dynamodb,
        list(sources),
        is_same=lambda table, summary: (
            summary.get("SourceTableArn", "").endswith(f":table/{sources[table]}")
            and summary.get("RestoreDateTime") == moment
        ),
        restore=lambda table: dynamodb.restore_table_to_point_in_time(
            SourceTableName=sources[table], TargetTableName=table, RestoreDateTime=moment
        ),
    )


def finish(dynamodb: Any, source_prefix: str, prefix: str) -> Iterator[str]:
    """Wait until the new tables are active, and set what a restore leaves out.

    Tags, point-in-time recovery and deletion protection are those of the source table, if it
    exists. Yields the name of each table.

    Raises:
        click.ClickException: a table is not active after service.MAX_WAIT_SECONDS.
    """
    expiries = {SUFFIXES[model]: attribute for model, attribute in EXPIRIES.items()}
    sources = service.tables(source_prefix)
    for suffix, table in service.existing(dynamodb, prefix).items():
        _await_active(dynamodb, table)
        if suffix in expiries:
            _enable_expiry(dynamodb, table, expiries[suffix])
        _copy_settings(dynamodb, sources[suffix], table)
        yield table


def _start(
    dynamodb: Any,
    tables: list[str],
    is_same: Callable[[str, Summary], bool],
    restore: Callable[[str], object],
) -> None:
    existing = {table: service.describe(dynamodb, table) for table in tables}
    for table, description in existing.items():
        if description and not is_same(table, description.get("RestoreSummary", {})):
            raise click.ClickException(
                f"--prefix: the table {table} exists already; choose a new prefix"
            )
    for table, description in existing.items():
        if description is None:
            restore(table)


def _await_active(dynamodb: Any, table: str) -> None:
    def is_active() -> bool:
        description = service.describe(dynamodb, table) or {"TableStatus": "MISSING"}
        indexes = description.get("GlobalSecondaryIndexes", ())
        states = [description["TableStatus"], *(one.get("IndexStatus") for one in indexes)]
        return all(state == "ACTIVE" for state in states)

    service.wait_until(is_active, f"the table {table} is not active")


def _enable_expiry(dynamodb: Any, table: str, attribute: str) -> None:
    reply = dynamodb.describe_time_to_live(TableName=table)
    if reply["TimeToLiveDescription"]["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )


def _copy_settings(dynamodb: Any, source: str, table: str) -> None:
    """Copy tags, point-in-time recovery and deletion protection from a table, if it exists."""
    original, new = service.describe(dynamodb, source), service.describe(dynamodb, table)
    if original is None or new is None or source == table:
        return
    if tags := _tags(dynamodb, original["TableArn"]):
        dynamodb.tag_resource(ResourceArn=new["TableArn"], Tags=tags)
    if recovery.of_table(dynamodb, source) and not recovery.of_table(dynamodb, table):
        service.wait_until(
            lambda: _enabled_recovery(dynamodb, table), f"{table} has no point-in-time recovery"
        )
    if original.get("DeletionProtectionEnabled") and not new.get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
        _await_active(dynamodb, table)


def _enabled_recovery(dynamodb: Any, table: str) -> bool:
    """Enable point-in-time recovery. Return False while DynamoDB is not ready for it."""
    try:
        dynamodb.update_continuous_backups(
            TableName=table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ContinuousBackupsUnavailableException":
            return False
        raise
    return True


def _tags(dynamodb: Any, arn: str) -> list[Mapping[str, str]]:
    pages = dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    tags = [tag for page in pages for tag in page["Tags"]]
    return [tag for tag in tags if not tag["Key"].startswith("aws:")]
