"""Show errors of the database as one line instead of a traceback."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError
from pynamodb.exceptions import PynamoDBException, TableDoesNotExist

from billet.cli import target
from billet.emulators import data_folder
from billet.emulators.errors import DataFolderError
from chalicelib.domain.errors import BilletError, Conflict
from chalicelib.dynamodb import client

AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)
DATABASE_ERRORS = (BilletError, PynamoDBException, *AWS_ERRORS)
NO_TABLE = ("non-existent table", "Requested resource not found")
"""The texts of DynamoDB's ResourceNotFoundException; other services have it, too."""
NO_REGION = "set AWS_REGION or AWS_DEFAULT_REGION, or the region of the profile"
CREDENTIALS_HINT = (
    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_PROFILE"
)
CREDENTIAL_ERRORS = (
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
"""The error codes of services for wrong credentials and missing permissions."""


@contextmanager
def cli_errors(*, announce: bool = True) -> Iterator[None]:
    """Print where the database is, and turn its errors into click's errors within the block.

    Args:
        announce: False if the command itself chooses its tables, and calls `target.announce`.

    Raises:
        click.ClickException: the database is not configured, or one of DATABASE_ERRORS.
    """
    with aws_errors():
        if client.region() is None:
            raise click.ClickException(
                "no database: no local server runs in this folder (`make serve` starts one), and "
                f"there is no region; {NO_REGION}"
            )
        if announce:
            target.announce()
        yield


@contextmanager
def aws_errors(context: str = "") -> Iterator[None]:
    """Turn errors of the database, of AWS and of its configuration into click's errors.

    Args:
        context: the beginning of the error's text.

    Raises:
        click.ClickException: one of DATABASE_ERRORS, or an endpoint is no URL.
    """
    try:
        require_urls()
        yield
    except DATABASE_ERRORS as error:
        raise click.ClickException(context + _with_file_damage(one_line(error))) from error


def require_urls() -> None:
    """Raise ClickException if the endpoint of an emulator is no URL."""
    given = {name: os.environ.get(name) for name in client.ENDPOINTS}
    if not any(given.values()):
        given = {"endpoint_url in the configuration of AWS": client.endpoint()}
    for name, url in given.items():
        if url and not _is_url(url):
            raise click.ClickException(
                f"{name}: must be a URL such as http://127.0.0.1:4566, not {url}"
            )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"}
            and bool(re.fullmatch(r"[^\s/]+", parts.hostname or ""))
            and parts.port != 0
        )
    except ValueError:
        return False


def _with_file_damage(message: str) -> str:
    """Return the message, after the name of the local server's broken file if there is one."""
    context = click.get_current_context(silent=True)
    if context is not None and (root := context.find_root()).obj:
        try:
            data_folder.check(root.params["data"], read_all=True)
        except DataFolderError as error:
            return f"{error} ({message})"
    return message


def one_line(error: Exception) -> str:
    """Return a line that says what is wrong and what to do."""
    if isinstance(error, Conflict):
        return str(error)
    known = (one for one in _causes(error) if isinstance(one, AWS_ERRORS))
    cause = next(known, error)
    if isinstance(cause, TableDoesNotExist) or any(text in str(cause) for text in NO_TABLE):
        return target.missing()
    if "<html" in str(cause).lower():
        return (
            f"the endpoint {client.endpoint() or 'of AWS'} responds with a page of HTML, which no "
            f"service of AWS does; check {' and '.join(client.ENDPOINTS)}, and the region "
            f"{client.region()}"
        )
    if isinstance(cause, ResponseParserError) or _code(cause).isdecimal():
        return (
            f"the endpoint {client.endpoint() or 'of AWS'} does not respond as AWS does "
            f"({' '.join(str(cause).split())[:200]}); check {' and '.join(client.ENDPOINTS)}"
        )
    if isinstance(cause, ClientError):
        details = cause.response["Error"]
        hint = f"; {CREDENTIALS_HINT}" if details.get("Code") in CREDENTIAL_ERRORS else ""
        return f"{details.get('Code')}: {details.get('Message')}{hint}"
    if isinstance(cause, ProfileNotFound):
        return f"AWS_PROFILE: {cause}"
    if isinstance(cause, NoRegionError):
        return f"no region; {NO_REGION}"
    if isinstance(cause, NoCredentialsError | PartialCredentialsError):
        return f"{cause}; {CREDENTIALS_HINT}"
    return " ".join(str(cause).split())


def _code(error: BaseException) -> str:
    """Return the code of an error of AWS; of another server, its status; "" for other errors."""
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its chain of causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
