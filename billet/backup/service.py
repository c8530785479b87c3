"""The calls of DynamoDB's backups, which PynamoDB does not have."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from botocore.config import Config
from botocore.exceptions import ClientError

from billet.cli import target
from billet.migrations import MIGRATIONS, state
from chalicelib.dynamodb.models import SUFFIXES

REQUIRED = frozenset(table.suffix for table in MIGRATIONS[0].tables)
"""The tables that every database has, of the first release on."""
POLL_SECONDS = 2.0
MAX_WAIT_SECONDS = 24 * 3600.0
"""The time that a backup or a restore may take."""
UNSUPPORTED = ("UnknownOperationException", "UnsupportedOperationException")


def connect() -> Any:
    """Return boto3's client for the database that the models are bound to."""
    return target.session().client(
        "dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 10})
    )


@contextmanager
def supported() -> Iterator[None]:
    """Turn the error of a database that has no backups into one that says what to do.

    Raises:
        click.ClickException: the database is DynamoDB Local.
    """
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in UNSUPPORTED:
            raise click.ClickException(
                "DynamoDB Local has no backups; `billet export FILE` copies the data"
            ) from error
        raise


def tables(prefix: str) -> Mapping[str, str]:
    """Return the names of all tables that a database can have, by what follows the prefix.

    Those that a later migration creates come first: a database can lack them.
    """
    suffixes = [*SUFFIXES.values(), state.SUFFIX]
    ordered = sorted(suffixes, key=lambda suffix: suffix in REQUIRED)
    return {suffix: f"{prefix}-{suffix}" for suffix in ordered}


def existing(dynamodb: Any, prefix: str) -> Mapping[str, str]:
    """Return the names of the tables that exist, by what follows the prefix."""
    found = tables(prefix).items()
    return {suffix: table for suffix, table in found if describe(dynamodb, table) is not None}


def describe(dynamodb: Any, table: str) -> Mapping[str, Any] | None:
    """Return the description of a table, or None if it does not exist."""
    try:
        description: Mapping[str, Any] = dynamodb.describe_table(TableName=table)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    return description


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Ask until it is done.

    Raises:
        click.ClickException: it is not done after MAX_WAIT_SECONDS.
    """
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not done():
        if time.monotonic() >= deadline:
            raise click.ClickException(
                f"{what} after {MAX_WAIT_SECONDS:g} seconds; run the same command again to wait"
            )
        time.sleep(POLL_SECONDS)
