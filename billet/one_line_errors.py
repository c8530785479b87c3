"""What goes wrong between an operator and the database, in one line and without a traceback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException, TableDoesNotExist

from chalicelib.errors import BilletError, Conflict

WHERE = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends a command with one line where the database can't be found or says no."""
    if not any(os.environ.get(name) for name in WHERE):
        raise click.ClickException("no region: set AWS_DEFAULT_REGION (or an emulator's endpoint)")
    try:
        yield
    except (BilletError, BotoCoreError, ClientError, PynamoDBException) as error:
        raise click.ClickException(_line(error)) from error


def _line(error: Exception) -> str:
    if isinstance(error, Conflict):
        return str(error)
    known = (one for one in _causes(error) if isinstance(one, BotoCoreError | ClientError))
    cause = next(known, error)
    if isinstance(cause, TableDoesNotExist) or "ResourceNotFoundException" in str(cause):
        return "the tables are not there; `billet tables create` makes them"
    if isinstance(cause, ClientError):
        return "{Code}: {Message}".format_map(cause.response["Error"])
    return str(cause)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
