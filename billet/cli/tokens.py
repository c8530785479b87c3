"""`billet token`: create, list and revoke access tokens."""

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
    """Create, list and revoke access tokens.

    Clients need a token if the setting AUTH is on.
    """


def _expiry(context: click.Context, option: click.Parameter, days: str | None) -> datetime | None:
    """Parse the value of --expires."""
    if days is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,3})d", days)
    if match is None:
        raise click.BadParameter("must be a number of days, such as 90d")
    return datetime.now(UTC) + timedelta(days=int(match[1]))


@token.command()
@click.option("--name", required=True, help="Name of the client or person.")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="reader: read; editor: also change and assign tasks; admin: also change users.",
)
@click.option(
    "--expires", metavar="DAYS", callback=_expiry, help="Days until it expires, such as 90d."
)
@cli_errors()
def create(name: str, role: Role, expires: datetime | None) -> None:
    """Create a token and print it.

    The token is stored only as a hash, so it cannot be shown again. It does not expire unless
    --expires is given.
    """
    secret, created = tokens.issue(name, role, expires)
    click.echo(f"{_describe(created)}. Keep it: it is not shown again.", err=True)
    click.echo(secret)


@token.command("list")
@cli_errors()
def list_command() -> None:
    """List all tokens, oldest first.

    Expired tokens are included. The tokens themselves are not shown, only their last four
    characters.
    """
    for stored in sorted(_stored(), key=lambda one: one.token.created_at if one.token else ""):
        click.echo(stored.line)


@token.command()
@click.argument("token_id", metavar="ID")
@cli_errors()
def revoke(token_id: str) -> None:
    """Revoke a token.

    ID is the first column of `token list`.
    """
    stored = next((one for one in _stored() if one.id == token_id), None)
    if stored is None:
        raise click.ClickException(f"there is no token {token_id}")
    tokens.revoke(stored.digest)
    click.echo(f"Revoked {stored.line}")


class _StoredToken(NamedTuple):
    """A token in the database."""

    digest: str
    token: Token | None
    """None if its item cannot be decoded."""

    @property
    def id(self) -> str:
        return self.token.id if self.token else self.digest[:16]

    @property
    def line(self) -> str:
        return _describe(self.token) if self.token else f"{self.id}: its item cannot be read"


def _stored() -> Iterator[_StoredToken]:
    for page in lookup.items(TokenModel):
        for item in page:
            try:
                yield _StoredToken(item["digest"]["S"], TOKENS.of_item(item))
            except msgspec.ValidationError:
                yield _StoredToken(item["digest"]["S"], None)


def _describe(token: Token) -> str:
    if token.expires_at is None:
        expiry = "does not expire"
    else:
        verb = "expired" if token.expires_at <= clock.now() else "expires"
        expiry = f"{verb} {token.expires_at[:19]}Z"
    facts = (token.role, f"created {token.created_at[:19]}Z", expiry, f"ends in {token.last_four}")
    return f"{token.id} {token.name}: {', '.join(facts)}"
