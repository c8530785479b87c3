"""The server that the commands use, the token for it, and who one is there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from billet.emulators import local_server
from billet.people.command import WrongUsage, wrong_encoding

if TYPE_CHECKING:
    from billet_client import Client

DEFAULT_URL = "http://localhost:3000"
TIMEOUT = 15.0
"""Seconds for one request."""
RETRIES = 2
ANY_VERSION = "*"
"""If-Match of a change that does not depend on the version, for servers that require it."""


def url() -> str:
    """Return the server's URL: BILLET_URL, that of the last login, or of the server of this folder.

    Raises:
        WrongUsage: several servers run in this folder.
    """
    return _found()[0]


def origin(server: str) -> str:
    """Return where the URL of a server comes from, for a message; empty if from an option."""
    try:
        found, where = _found()
    except click.ClickException:
        return ""
    return where if found == server else ""


def _found() -> tuple[str, str]:
    """Return the server's URL, and where it comes from."""
    from billet.people import config

    if given := _variable("BILLET_URL"):
        return given.rstrip("/"), "from BILLET_URL"
    if stored := config.load().url:
        return stored.rstrip("/"), "from the last `billet login`"
    return _local()


def _local() -> tuple[str, str]:
    """Return the URL of the `billet serve` that runs in the data folder, or the default."""
    context = click.get_current_context(silent=True)
    options = context.find_root().params if context else {}
    found = local_server.addresses(options.get("data", local_server.DATA))
    if not found:
        return DEFAULT_URL, "the default"
    if len(found) > 1 and DEFAULT_URL not in found:
        raise WrongUsage(f"several servers run; set BILLET_URL to one of {', '.join(found)}")
    return DEFAULT_URL if DEFAULT_URL in found else found[0], "the server of this folder"


def _variable(name: str) -> str | None:
    """Return the value of an environment variable, or None.

    Raises:
        WrongUsage: it is not UTF-8.
    """
    value = os.environ.get(name)
    if value and (wrong := wrong_encoding(value)):
        raise WrongUsage(f"{name}: {wrong}")
    return value


def token(server: str) -> str | None:
    """Return the token for a server: BILLET_TOKEN, or the one that `billet login` stored."""
    if given := _variable("BILLET_TOKEN"):
        return given
    from billet.people import config

    login = config.load().logins.get(server)
    if login is None or not (login.token or login.keyring):
        return None
    from billet.people import credentials

    return credentials.token_of(login, server)


def me() -> str | int:
    """Return who one is: the name in BILLET_USER, or the id that `billet login` stored.

    Raises:
        WrongUsage: neither says so.
    """
    from billet.people import config

    if given := _variable("BILLET_USER"):
        return given
    login = config.load().logins.get(url())
    if login is None or login.user is None:
        raise WrongUsage("who are you? Run `billet login --as USERNAME`, or set BILLET_USER")
    return login.user


@contextmanager
def connect(timeout: float = TIMEOUT, retries: int = RETRIES) -> Iterator["Client"]:
    """Yield a client of the server, whose errors are errors of the command.

    Args:
        timeout: the seconds for one request.
        retries: how often a request is sent again.

    Raises:
        click.ClickException: the API refused something within the block, or failed.
        WrongUsage: the URL or token is not valid.
    """
    server = url()
    with connect_to(server, token(server), timeout, retries) as billet:
        yield billet


@contextmanager
def connect_to(
    server: str,
    secret: str | None,
    timeout: float = TIMEOUT,
    retries: int = RETRIES,
    refusal: str | None = None,
) -> Iterator["Client"]:
    """Yield a client of a server with this token; see `connect`.

    Args:
        refusal: what follows the name of the server in the error if it refuses the token.
    """
    from billet.people.client_errors import client_errors
    from billet_client import Client

    try:
        client = Client(server, token=secret, timeout=timeout, retries=retries)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    with (
        client_errors(server, refusal=refusal or _refusal(secret), origin=lambda: origin(server)),
        client as billet,
    ):
        yield billet


def _refusal(secret: str | None) -> str:
    """Return what follows the name of a server that refuses the token."""
    if secret is None:
        return "requires a token; run `billet login`, or set BILLET_TOKEN"
    if secret == os.environ.get("BILLET_TOKEN"):
        return (
            "does not accept the token in BILLET_TOKEN; set another, or unset BILLET_TOKEN and run "
            "`billet login`"
        )
    return "does not accept this token; run `billet login`, or set BILLET_TOKEN"
