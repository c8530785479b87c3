"""`billet login` and `billet logout`: store the server, the token, and who one is."""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from billet.people import completion, names, session, text
from billet.people.command import PeopleCommand, WrongUsage
from billet.people.questions import is_interactive

if TYPE_CHECKING:
    from billet_client import User

REFUSAL = (
    "does not accept this token; see whether it is complete and of this server, or ask an "
    "administrator for another one"
)
LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")


@click.command(cls=PeopleCommand)
@click.option(
    "--url", help="The server; by default BILLET_URL, that of the last login, or localhost:3000."
)
@click.option(
    "--as", "user", metavar="USER", shell_complete=completion.users, help="Who you are there."
)
def login(url: str | None, user: str | None) -> None:
    """Store the server, your token and who you are.

    If the server requires a token, the command asks for it. If standard input is no terminal, it
    reads the token from there: billet login < token.txt. The token is stored in the keyring of the
    operating system, or else in a file that only you can read. Administrators make tokens with
    `billet token create`.
    """
    from billet.people import config, credentials

    server = url.rstrip("/") if url else session.url()
    secret = _ask_for_token(server) if _requires_token(server) else None
    stored = config.load()
    entry = stored.logins.setdefault(server, config.Login())
    own = _own_user(server, secret, user) or _stored_user(server, secret, entry.user)
    stored.url = server
    entry.user = own.id if own else None
    place = credentials.keep(stored, server, secret) if secret else None
    config.store(stored)
    click.echo(f"Logged in to {server}")
    if own:
        click.echo(f"You are user {own.id}: {text.one_line(own.username)}")
    else:
        click.echo("Your username is not known; `billet login --as USERNAME` stores it")
    if place:
        click.echo(f"Your token is {place}")
    else:
        click.echo("This server requires no token")


@click.command(cls=PeopleCommand)
def logout() -> None:
    """Forget the token and who you are on the server of BILLET_URL or of the last login."""
    from billet.people import config

    server = session.url()
    stored = config.load()
    entry = stored.logins.pop(server, None)
    if entry is None:
        raise click.ClickException(f"you are not logged in to {server}")
    if entry.keyring:
        from billet.people import credentials

        credentials.forget(server)
    if stored.url == server:
        stored.url = None
    config.store(stored)
    click.echo(f"Logged out of {server}")


def _requires_token(server: str) -> bool:
    """Return whether a server requires a token to read."""
    from billet_client import Unauthorized

    with session.connect_to(server, None) as billet:
        try:
            next(billet.users.list(page_size=1), None)
        except Unauthorized:
            return True
    return False


def _ask_for_token(server: str) -> str:
    """Return a token that the server accepts.

    Raises:
        click.ClickException: it does not accept the token.
    """
    if server.startswith("http://") and not server.startswith(LOCAL):
        click.echo(f"Warning: {server} is not encrypted; others can read the token", err=True)
    if is_interactive():
        secret = click.prompt(f"Token for {server}", hide_input=True, err=True)
    else:
        secret = sys.stdin.readline()
    secret = secret.strip()
    if not secret:
        raise WrongUsage(f"{server} requires a token; give it on standard input")
    with session.connect_to(server, secret, refusal=REFUSAL) as billet:
        next(billet.users.list(page_size=1), None)
    return secret


def _stored_user(server: str, secret: str | None, user: int | None) -> "User | None":
    """Return the user of the last login, if there was one and they still exist."""
    from billet_client import NotFound

    if user is None:
        return None
    with session.connect_to(server, secret) as billet, suppress(NotFound):
        return billet.users.get(user)
    return None


def _own_user(server: str, secret: str | None, name: str | None) -> "User | None":
    """Return the user with this name, or whom the person at the terminal names; None for nobody."""
    with session.connect_to(server, secret) as billet:
        while True:
            asked = name is None and is_interactive()
            if asked:
                name = click.prompt(
                    "Your username (Enter for none)", default="", show_default=False, err=True
                )
            if not name:
                return None
            try:
                return billet.users.get(names.user_id(billet, name))
            except click.ClickException as error:
                if not asked:
                    raise
                error.show()
                name = None
