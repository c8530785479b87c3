"""`billet backup create`, `list` and `restore`."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from botocore.exceptions import ClientError

from billet.backup import recovery, restoring, service, sets
from billet.cli import options, progress
from billet.cli.doctor import doctor
from billet.cli.errors import cli_errors
from chalicelib.dynamodb import client, schema_version
from chalicelib.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")


@click.group()
def backup() -> None:
    """Back up the tables in AWS, and restore them into new ones."""


@backup.command("create")
@click.option("--name", help="The name. The default is the time, such as 20260131T120000Z.")
@cli_errors()
def create_command(name: str | None) -> None:
    """Back up each table, with DynamoDB's on-demand backups.

    The API can run. The tables are backed up one after another, so a write of that moment can be
    in one of them and not in another: `billet doctor` finds that after a restore. A table that a
    later migration creates can be missing. A backup that failed can be made again.
    """
    name = name or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    if not _NAME.fullmatch(name):
        raise click.BadParameter("must have 3 to 255 letters, digits or _.-", param_hint="--name")
    prefix = client.database.settings.prefix
    dynamodb = service.connect()
    with service.supported():
        length = len(service.existing(dynamodb, prefix))
        with _told(name), progress.bar(length, "Backing up") as bar:
            for _ in sets.create(dynamodb, prefix, name):
                bar.update(1)
    click.echo(f"Backup {name} of the tables {prefix}-* is complete")


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say after an error of DynamoDB what to do with a set that is not complete."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in service.UNSUPPORTED:
            click.echo(
                f"\nThe backup {name} is not complete; the same command with --name {name} makes "
                "it again",
                err=True,
            )
        raise


@backup.command("list")
@cli_errors()
def list_command() -> None:
    """List the backups of the tables, and the times to which point-in-time recovery reaches."""
    prefix = client.database.settings.prefix
    dynamodb = service.connect()
    with service.supported():
        for one in sets.all_sets(dynamodb, prefix):
            absent = f", without {', '.join(one.absent)}" if one.absent else ""
            state = one.problem or f"complete{absent}"
            click.echo(f"{one.name}: {recovery.text(one.created_at)}, {one.size} bytes, {state}")
        window = recovery.window(dynamodb, prefix)
    if window is None:
        click.echo(f"Point-in-time recovery of the tables {recovery.OFF}")
    else:
        earliest, latest = map(recovery.text, window)
        click.echo(f"Point-in-time recovery: {earliest} to {latest}")


@backup.command("restore")
@click.argument("name", required=False)
@click.option("--to-time", "moment", help="Restore as of a time, such as 2026-01-31T12:00:00Z.")
@click.option(
    "--prefix",
    required=True,
    callback=options.table_prefix,
    help="The prefix of the new tables, such as billet-new.",
)
@click.option("--repair", is_flag=True, help="Repair what `billet doctor` finds in the new tables.")
@click.pass_context
@cli_errors()
def restore_command(
    context: click.Context, name: str | None, moment: str | None, prefix: str, repair: bool
) -> None:
    """Restore all tables under a new prefix, and check them with `billet doctor`.

    With NAME, from that backup. Otherwise by point-in-time recovery, which gives all tables as
    they were in the same second: at --to-time, or as late as possible. The old tables stay as they
    are. A restore that was stopped can be run again. The exit status is 1 if doctor finds a fault
    that it does not repair.
    """
    if name and moment:
        raise click.UsageError("NAME and --to-time exclude each other")
    source = client.database.settings
    if prefix == source.prefix:
        raise click.ClickException(
            f"--prefix: {prefix}-* are the tables in use; choose a new prefix"
        )
    new = Settings.from_environ({**os.environ, "TABLE_PREFIX": prefix})
    wanted = _time(moment) if moment else None
    with service.supported():
        _restore(service.connect(), source.prefix, name, wanted, prefix)
    client.bind(new, client.database.connection)
    click.echo(f"Restored; set TABLE_PREFIX={prefix} to use the new tables")
    _check(context, repair, prefix)


def _restore(
    dynamodb: Any, source: str, name: str | None, wanted: datetime | None, prefix: str
) -> None:
    if name:
        click.echo(f"Restoring the backup {name} of {source}-* to {prefix}-*")
        restoring.from_backup(dynamodb, sets.find(dynamodb, source, name), prefix)
    else:
        moment = recovery.choose(dynamodb, source, wanted)
        click.echo(f"Restoring {source}-* as of {recovery.text(moment)} to {prefix}-*")
        restoring.to_time(dynamodb, source, moment, prefix)
    with progress.bar(len(service.existing(dynamodb, prefix)), "Restoring") as bar:
        for _ in restoring.finish(dynamodb, source, prefix):
            bar.update(1)


def _check(context: click.Context, repair: bool, prefix: str) -> None:
    with suppress(msgspec.ValidationError):  # which doctor reports
        if reason := schema_version.read().mismatch:
            raise click.ClickException(
                f"the new tables are not checked: {reason}. Use them with the release of the old "
                f"ones, or run `TABLE_PREFIX={prefix} billet migrate up` and `billet doctor`"
            )
    try:
        context.invoke(doctor, repair=repair, as_json=False)
    except SystemExit:
        click.echo(
            f"The new tables have faults; `TABLE_PREFIX={prefix} billet doctor --repair` repairs "
            "what the data proves"
        )
        raise


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901
    if moment.tzinfo is None:
        raise click.BadParameter(
            "must be a time with a zone, such as 2026-01-31T12:00:00Z", param_hint="--to-time"
        )
    return moment.replace(microsecond=0)
