"""`billet export` and `billet import`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pynamodb.models import Model

from billet.cli import progress, schema
from billet.cli.errors import cli_errors
from billet.transfer import exporting, files, importing, parallel, staging
from billet.transfer.records import TaskRecord, TokenRecord, UserRecord
from chalicelib.dynamodb.models import TaskModel, TokenModel, UserModel

OTHER_FORMATS = (".csv", ".ics", ".json")
"""The endings of files of `billet task export`."""
BEFORE_MIGRATION = (
    ". To keep a copy of the data as it is, use `billet backup create` of this release in AWS, or "
    "copy the data folder (docs/backup.md); the release without a schema version has no export"
)


def _refuse_other_format(context: click.Context, parameter: click.Parameter, file: str) -> str:
    """Refuse a file's name that promises another format."""
    ending = _ending(file)
    if ending in OTHER_FORMATS:
        raise click.BadParameter(
            f"must not end in {ending}, because it will be JSON Lines with all data; "
            "`billet task export` writes tasks as CSV, iCalendar or JSON",
            context,
            parameter,
        )
    return file


def _refuse_tasks(context: click.Context, parameter: click.Parameter, file: str) -> str:
    """Refuse a file of tasks by its name, before the database is looked for."""
    if _ending(file) in (".csv", ".ics"):
        raise click.BadParameter(
            f"must be a file that `billet export` made; {importing.TASK_IMPORT}",
            context,
            parameter,
        )
    return file


def _ending(file: str) -> str:
    return Path(file.lower().removesuffix(".gz")).suffix


@click.command("export")
@click.argument(
    "file",
    type=click.Path(dir_okay=False, allow_dash=True),
    callback=_refuse_other_format,
)
@click.option("--with-tokens", is_flag=True, help="Export the digests of the API tokens, too.")
@cli_errors()
def export_command(file: str, with_tokens: bool) -> None:
    """Write all users and tasks to FILE, as JSON Lines.

    `billet task export` writes tasks as CSV, iCalendar or JSON.

    A FILE that ends in .gz is compressed; - is standard output. Equal data gives equal files. The
    API may run: each user and task is as it was at some moment of the export, and all of them fit
    together. docs/backup.md describes the file, and how to copy a database at one moment.
    """
    schema.require(advice=BEFORE_MIGRATION)
    models = _models(with_tokens)
    length = sum(map(parallel.item_count, models))
    with staging.opened() as place, _interrupted("nothing was written"):
        with progress.bar(length, "Reading") as bar:
            end = exporting.collect(place, with_tokens, bar.update)
        with files.writing(file) as out:
            exporting.write(out, place, end)
    tokens = f" and {end.tokens} tokens" if with_tokens else ""
    click.echo(f"Exported {end.users} users, {end.tasks} tasks{tokens}", err=True)


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), callback=_refuse_tasks)
@click.option("--dry-run", is_flag=True, help="Check and compare, and write nothing.")
@click.option("--with-tokens", is_flag=True, help="Import the API tokens in the file, too.")
@cli_errors()
def import_command(file: str, dry_run: bool, with_tokens: bool) -> None:
    """Add the users and tasks in FILE, which `billet export` made, to an empty database.

    FILE may be compressed; - is standard input. The whole file is checked first. Ids, times of
    creation and versions stay the same. An import that was stopped can be run again: what the
    database has already must be in the file and equal, and is skipped. No other client should
    write in the meantime.
    """
    models = _models(with_tokens)
    with staging.opened() as place:
        click.echo(f"Checking {file}", err=True)
        with files.reading(file) as lines:
            end = importing.check(file, lines, place)
        schema.require()
        length = sum(map(parallel.item_count, models))
        with progress.bar(length, "Comparing") as bar:
            importing.compare(place, models, bar.update)
        users, tasks = place.count_to_do(UserRecord), place.count_to_do(TaskRecord)
        tokens = place.count_to_do(TokenRecord) if with_tokens else 0
        if not dry_run:
            with (
                _interrupted("run the same command again to go on"),
                progress.bar(users + tasks + tokens, "Writing") as bar,
            ):
                for count in importing.write(place, end, with_tokens):
                    bar.update(count)
    total = end.users + end.tasks + (end.tokens if with_tokens else 0)
    there = total - users - tasks - tokens
    done = "Would import" if dry_run else "Imported"
    what = f"{users} users, {tasks} tasks" + (f" and {tokens} tokens" if with_tokens else "")
    click.echo(f"{done} {what}; {there} were there already")
    if end.tokens and not with_tokens:
        click.echo(f"{end.tokens} tokens of the file are left out; --with-tokens imports them")
    if not dry_run:
        click.echo("`billet doctor` checks the result")


def _models(with_tokens: bool) -> list[type[Model]]:
    return [UserModel, TaskModel, *([TokenModel] if with_tokens else [])]


@contextmanager
def _interrupted(advice: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nStopped; {advice}", err=True)
        raise click.exceptions.Exit(130) from None
