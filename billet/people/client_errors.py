"""Show errors of the client as one line that says what to do."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from billet_client import (
    ApiError,
    BadRequest,
    BilletError,
    Forbidden,
    InvalidResponse,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
    TransportError,
    Unauthorized,
)

_OF_LENGTH = re.compile(r"(1 to|at most) \d+ characters")
_OTHER_URL = "set BILLET_URL or run `billet login --url`"


@contextmanager
def client_errors(server: str, *, refusal: str, origin: Callable[[], str]) -> Iterator[None]:
    """Turn errors of the client into click's errors within the block; see `one_line`.

    Raises:
        click.ClickException: the API refused the request, failed or did not respond.
    """
    try:
        yield
    except BilletError as error:
        raise click.ClickException(
            one_line(error, server, refusal=refusal, origin=origin)
        ) from error


class Refused(click.ClickException):
    """A value that the API refuses."""


@contextmanager
def refusals(texts: Mapping[str, Any]) -> Iterator[None]:
    """Turn the error about a value into one that says how long a text is, if that is wrong.

    Args:
        texts: values by the names of fields.

    Raises:
        Refused: a value is not valid.
    """
    try:
        yield
    except BadRequest as error:
        text = texts.get(error.field or "")
        message = _sentence(error)
        if isinstance(text, str) and _OF_LENGTH.search(message):
            message += f"; it has {len(text.strip())}"
        raise Refused(message) from error


def one_line(error: BilletError, server: str, *, refusal: str, origin: Callable[[], str]) -> str:
    """Return a line that says what is wrong and what to do.

    Args:
        refusal: what follows the server's name if it refuses the token.
        origin: returns where the URL of the server comes from.
    """
    if isinstance(error, Unauthorized):
        return f"{server} {refusal}"
    if isinstance(error, Forbidden):
        return f"{_sentence(error)}; ask an administrator for a token with another role"
    if isinstance(error, NotFound) and error.field == "path" and _has_path(server):
        return (
            f"{_named(server, origin)} must be the address of the server without /v1 or another "
            f"path; {_OTHER_URL}"
        )
    if isinstance(error, PreconditionFailed):
        return "someone else has changed it meanwhile; look at it, then run the command again"
    if isinstance(error, TooManyRequests):
        wait = f"in {error.retry_after:.0f} s" if error.retry_after else "later"
        return f"{_sentence(error)}; try again {wait}"
    if isinstance(error, ApiError) and error.status >= 500:
        return f"{server} failed: {_sentence(error)}; try again later"
    if isinstance(error, TransportError):
        return f"{_named(server, origin)} {_no_answer(error)}"
    return _sentence(error)


def _named(server: str, origin: Callable[[], str]) -> str:
    where = origin()
    return f"{server} ({where})" if where else server


def _has_path(server: str) -> bool:
    return "/" in server.partition("://")[2]


def _no_answer(error: BilletError) -> str:
    if isinstance(error, InvalidResponse):
        return f"is not a server of Billet Tasks ({_sentence(error)}); {_OTHER_URL}"
    return (
        "does not respond; start the server (`make serve`), or if it has another address, "
        f"{_OTHER_URL}"
    )


def _sentence(error: BilletError) -> str:
    return " ".join(str(error).split()).rstrip(".")
