"""Choose and start the database of `billet serve`."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import click

from billet.cli.errors import require_urls
from billet.emulators import data_folder, dynamodb_local, local_server, moto_server
from billet.emulators.errors import DataFolderError, DataFolderInUse, EmulatorError
from billet.serve import asgi

CHOICES = ("auto", "local", "memory")
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
MEMORY_MAX_CONCURRENT = 2
"""moto handles one request at a time; requests that wait inside moto can run out of time."""
DATA_LOSS_WARNING = "Data in memory is lost when the server stops."


class Database(NamedTuple):
    """The database that the server uses."""

    description: str
    max_concurrent: int = asgi.MAX_CONCURRENT
    """How many requests it can handle at the same time."""
    warning: str = ""
    """A warning for the user; empty for a database with files."""
    local: bool = True
    """Whether it is an emulator, which the server may migrate, and not AWS."""


@contextmanager
def open_database(choice: str, data: Path) -> Iterator[Database]:
    """Start the database and set AWS's variables to it within the block.

    Args:
        choice: auto, local or memory. auto uses the database in the environment if there is one.
        data: the folder of DynamoDB Local's files.

    Raises:
        click.ClickException: the database is not available, and no other one may replace it.
    """
    endpoint = os.environ.get(ENDPOINT)
    if choice == "auto" and endpoint:
        require_urls()
        yield Database(f"Database: {endpoint}, from {ENDPOINT}", local=not is_aws(endpoint))
        return
    with ExitStack() as stack:
        url, database = _start(choice, data, stack)
        local_server.use_endpoint(url)
        stack.enter_context(local_server.advertise(data, url))
        try:
            yield database
        except click.ClickException as error:
            raise _explain(error, database, data) from error


def is_aws(endpoint: str) -> bool:
    """Return whether an endpoint is AWS's own."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith(AWS_DOMAINS)


def _start(choice: str, data: Path, stack: ExitStack) -> tuple[str, Database]:
    reason = None
    if choice != "memory":
        try:
            url = stack.enter_context(dynamodb_local.run(data))
            return url, Database(f"Database: DynamoDB Local, with its files in {data.resolve()}")
        except EmulatorError as error:
            if choice == "local":
                raise click.ClickException(f"no DynamoDB Local: {error}") from error
            _check_replaceable(data, error)
            reason = error
    try:
        url = stack.enter_context(moto_server.run())
    except EmulatorError as error:
        if not reason:
            raise click.ClickException(str(error)) from error
        raise click.ClickException(f"no DynamoDB Local: {reason}; or {error}") from error
    suffix = f" (no DynamoDB Local: {reason})" if reason else ""
    return url, Database(f"Database: in memory{suffix}", MEMORY_MAX_CONCURRENT, DATA_LOSS_WARNING)


def _check_replaceable(data: Path, error: EmulatorError) -> None:
    """Raise ClickException if an empty database in memory would hide existing data."""
    if isinstance(error, DataFolderInUse):
        hint = "stop that server, or choose another folder with --data or --db memory"
    elif isinstance(error, DataFolderError):
        raise click.ClickException(str(error)) from error
    elif data_folder.has_data(data):
        hint = f"{data} has data, so no empty database takes its place; --db memory asks for one"
    else:
        return
    raise click.ClickException(f"no DynamoDB Local: {error}; {hint}") from error


def _explain(error: click.ClickException, database: Database, data: Path) -> click.ClickException:
    """Return an error that names the broken file if the data folder caused the error."""
    if not database.warning:
        try:
            data_folder.check(data, read_all=True)
        except DataFolderError as cause:
            return click.ClickException(f"{cause} ({error.message})")
    return error
