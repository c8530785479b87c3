"""Tokens: making them, listing them, and ending them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import click
import msgspec

from billet.cli.errors import cli_errors
from billet.integrity import lookup
from chalicelib.domain.token import ROLES, Role, Token
from chalicelib.dynamodb import clock
from chalicelib.dynamodb.codec import TOKENS
from chalicelib.dynamodb.models import TokenModel
from chalicelib.services import tokens


@click.group()
def token() -> None:
    """The tokens that let clients in where authentication is on."""


def _after(context: click.Context, option: click.Parameter, days: str | None) -> datetime | None:
    if days is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,3})d", days)
    if found is None:
        raise click.BadParameter("must be a number of days, such as 90d")
    return datetime.now(UTC) + timedelta(days=int(found[1]))


@token.command()
@click.option("--name", required=True, help="Whose it is.")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it may do.")
@click.option(
    "--expires", metavar="90d", callback=_after, help="After how many days; without this, never."
)
@cli_errors()
def create(name: str, role: Role, expires: datetime | None) -> None:
    """Makes a token and writes it to standard output, the one time that it is ever shown."""
    secret, made = tokens.issue(name, role, expires)
    click.echo(f"{_line(made)}. Keep it: it is not shown again.", err=True)
    click.echo(secret)


@token.command("list")
@cli_errors()
def list_command() -> None:
    """Tells what is known of each token, the oldest first, those that have expired too."""
    for one in sorted(_all(), key=lambda one: one.token.created_at if one.token else ""):
        click.echo(one.line())


@token.command()
@click.argument("ident", metavar="ID")
@cli_errors()
def revoke(ident: str) -> None:
    """Ends the token that `token list` shows with this ID."""
    found = next((one for one in _all() if one.ident == ident), None)
    if found is None:
        raise click.ClickException(f"there is no token {ident}")
    tokens.revoke(found.digest)
    click.echo(f"Revoked {found.line()}")


class _Stored(NamedTuple):
    """A token in the database; `token` is None if its item can't be read."""

    digest: str
    token: Token | None

    @property
    def ident(self) -> str:
        return self.token.id if self.token else self.digest[:16]

    def line(self) -> str:
        return _line(self.token) if self.token else f"{self.ident}: its item can't be read"


def _all() -> Iterator[_Stored]:
    for page in lookup.items(TokenModel):
        for item in page:
            try:
                yield _Stored(item["digest"]["S"], TOKENS.of_item(item))
            except msgspec.ValidationError:
                yield _Stored(item["digest"]["S"], None)


def _line(one: Token) -> str:
    if one.expires_at is None:
        end = "does not expire"
    else:
        verb = "expired" if one.expires_at <= clock.now() else "expires"
        end = f"{verb} {one.expires_at[:19]}Z"
    facts = (one.role, f"created {one.created_at[:19]}Z", end, f"ends in {one.last_four}")
    return f"{one.id} {one.name}: {', '.join(facts)}"
