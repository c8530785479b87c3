"""What goes wrong between an operator and the database, in one line and without a traceback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from pynamodb.exceptions import PynamoDBException, TableDoesNotExist

from billet.emulators import data_folder
from chalicelib.domain.errors import BilletError, Conflict

WHERE = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
CREDENTIALS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_PROFILE"
REFUSED = (
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
)
"""What DynamoDB answers if the credentials are wrong, or allow too little."""


@contextmanager
def cli_errors() -> Iterator[None]:
    """Ends a command with one line where the database can't be found or says no."""
    if not any(os.environ.get(name) for name in WHERE):
        raise click.ClickException(
            "no database: no local server runs in this folder (`make serve` starts one), and "
            "neither AWS_DEFAULT_REGION nor an emulator's endpoint is set"
        )
    _say_which()
    try:
        yield
    except (BilletError, BotoCoreError, ClientError, PynamoDBException) as error:
        raise click.ClickException(_with_damage(line(error))) from error


def _with_damage(text: str) -> str:
    """Put a broken file of the local server's data, if there is one, before what it led to."""
    context = click.get_current_context(silent=True)
    if context is not None and (root := context.find_root()).obj:
        try:
            data_folder.check(root.params["data"], wholly=True)
        except data_folder.Trouble as trouble:
            return f"{trouble} ({text})"
    return text


def _say_which() -> None:
    context = click.get_current_context(silent=True)
    if context is not None and (says := context.find_root().obj):
        click.echo(says, err=True)


def line(error: Exception) -> str:
    """Return what went wrong, and what to do about it, in one line."""
    if isinstance(error, Conflict):
        return str(error)
    known = (one for one in _causes(error) if isinstance(one, BotoCoreError | ClientError))
    cause = next(known, error)
    if isinstance(cause, TableDoesNotExist) or "ResourceNotFoundException" in str(cause):
        return "the tables are not there; `billet tables create` makes them"
    if isinstance(cause, ClientError):
        told = cause.response["Error"]
        hint = f"; {CREDENTIALS}" if told.get("Code") in REFUSED else ""
        return f"{told.get('Code')}: {told.get('Message')}{hint}"
    if isinstance(cause, NoCredentialsError | PartialCredentialsError):
        return f"{cause}; {CREDENTIALS}"
    return " ".join(str(cause).split())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
