"""Which database `billet serve` works on."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from billet.emulators import data_folder, dynamodb_local, local_server, moto_server
from billet.emulators.errors import DataFolderError, DataFolderInUse, EmulatorError
from billet.serve import asgi

CHOICES = ("auto", "local", "memory")
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
MEMORY_AT_ONCE = 2
"""moto answers one at a time, and those who wait inside it may run out of time there."""
LOST = "Data in memory is lost when the server stops."


class Database(NamedTuple):
    """Which database it is, and how many requests it is good for."""

    says: str
    at_once: int = asgi.AT_WORK
    warning: str = ""
    """The last line of what `billet serve` prints before it serves."""


@contextmanager
def opened(choice: str, data: Path) -> Iterator[Database]:
    """Start the database, unless a variable names one, and point AWS's variables at it.

    Raises:
        click.ClickException: the database that was asked for, or that has the data, can't be had.
    """
    given = os.environ.get(ENDPOINT)
    if choice == "auto" and given:
        yield Database(f"Database: {given}, from {ENDPOINT}")
        return
    with ExitStack() as stack:
        url, database = _started(choice, data, stack)
        local_server.use_endpoint(url)
        stack.enter_context(local_server.advertise(data, url))
        try:
            yield database
        except click.ClickException as error:
            raise _explained(error, database, data) from error


def _started(choice: str, data: Path, stack: ExitStack) -> tuple[str, Database]:
    refusal = None
    if choice != "memory":
        try:
            url = stack.enter_context(dynamodb_local.run(data))
            return url, Database(f"Database: DynamoDB Local, with its files in {data.resolve()}")
        except EmulatorError as error:
            if choice == "local":
                raise click.ClickException(f"no DynamoDB Local: {error}") from error
            _refuse_to_hide(data, error)
            refusal = error
    try:
        url = stack.enter_context(moto_server.run())
    except EmulatorError as error:
        if not refusal:
            raise click.ClickException(str(error)) from error
        raise click.ClickException(f"no DynamoDB Local: {refusal}; or {error}") from error
    reason = f" (no DynamoDB Local: {refusal})" if refusal else ""
    return url, Database(f"Database: in memory{reason}", MEMORY_AT_ONCE, LOST)


def _refuse_to_hide(data: Path, error: EmulatorError) -> None:
    """Raise ClickException if an empty database would take the place of one that has data."""
    if isinstance(error, DataFolderInUse):
        hint = "stop that server, or choose another folder with --data or --db memory"
    elif isinstance(error, DataFolderError):
        raise click.ClickException(str(error)) from error
    elif data_folder.has_data(data):
        hint = f"{data} has data, so no empty database takes its place; --db memory asks for one"
    else:
        return
    raise click.ClickException(f"no DynamoDB Local: {error}; {hint}") from error


def _explained(error: click.ClickException, database: Database, data: Path) -> click.ClickException:
    """Name the cause of a failure if it lies in the folder of the data."""
    if not database.warning:
        try:
            data_folder.check(data, read_all=True)
        except DataFolderError as trouble:
            return click.ClickException(f"{trouble} ({error.message})")
    return error
