"""Show errors of the client as one line that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from billet_client import (
    ApiError,
    BilletError,
    Forbidden,
    InvalidResponse,
    PreconditionFailed,
    TooManyRequests,
    TransportError,
    Unauthorized,
)


@contextmanager
def client_errors(server: str, *, has_token: bool) -> Iterator[None]:
    """Turn errors of the client into click's errors within the block.

    Raises:
        click.ClickException: the API refused the request, failed or did not respond.
    """
    try:
        yield
    except BilletError as error:
        raise click.ClickException(one_line(error, server, has_token=has_token)) from error


def one_line(error: BilletError, server: str, *, has_token: bool) -> str:
    """Return a line that says what is wrong and what to do."""
    if isinstance(error, Unauthorized):
        reason = "does not accept this token" if has_token else "requires a token"
        return f"{server} {reason}; run `billet login`, or set BILLET_TOKEN"
    if isinstance(error, Forbidden):
        return f"{_sentence(error)}; ask an administrator for a token with another role"
    if isinstance(error, PreconditionFailed):
        return "someone else has changed it meanwhile; look at it, then run the command again"
    if isinstance(error, TooManyRequests):
        wait = f"in {error.retry_after:.0f} s" if error.retry_after else "later"
        return f"{_sentence(error)}; try again {wait}"
    if isinstance(error, ApiError) and error.status >= 500:
        return f"{server} failed: {_sentence(error)}; try again later"
    if isinstance(error, InvalidResponse):
        return f"{server} is not a server of Billet Tasks ({_sentence(error)}); check BILLET_URL"
    if isinstance(error, TransportError):
        return (
            f"{server} does not respond; start the server (`make serve`), or if it has another "
            "address, set BILLET_URL or run `billet login --url`"
        )
    return _sentence(error)


def _sentence(error: BilletError) -> str:
    return " ".join(str(error).split()).rstrip(".")
