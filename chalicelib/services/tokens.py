"""API tokens: issue, find and revoke."""

import re
from datetime import datetime

from chalicelib.domain.errors import Invalid
from chalicelib.domain.token import Role, Token
from chalicelib.dynamodb import clock, queries, token_writes
from chalicelib.services import random_secrets

PREFIX = "blt_"

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
"""Characters that API Gateway passes on from the authorizer unchanged."""


def issue(name: str, role: Role, expires_at: datetime | None) -> tuple[str, Token]:
    """Create a token.

    Args:
        name: the name of the holder. Several tokens may have the same name, so that a new one can
            replace an old one.
        expires_at: a time in UTC, or None for a token that is valid until it is revoked.

    Returns:
        The secret, which is stored nowhere, and the token.

    Raises:
        Invalid: the name is longer than 64 characters, or has others than letters, digits, ._@-
    """
    if not _NAME.fullmatch(name):
        raise Invalid("name: must have 1 to 64 characters, each a letter, a digit or one of ._@-")
    secret = random_secrets.generate(PREFIX)
    token = Token(
        digest=random_secrets.digest(secret),
        name=name,
        role=role,
        created_at=clock.now(),
        expires_at=clock.stamp(expires_at) if expires_at else None,
        last_four=secret[-4:],
        keys_by_name=True,
    )
    token_writes.create_token(token)
    return secret, token


def find_valid(secret: str) -> Token | None:
    """Return the token with this secret, or None if it does not exist or has expired.

    The cost is one read in each case, so that the time tells nothing about the secret.
    """
    token = queries.token(random_secrets.digest(secret))
    if token is None or (token.expires_at is not None and token.expires_at <= clock.now()):
        return None
    return token


def revoke(digest: str) -> None:
    """Remove a token. Requests with it are refused from now on."""
    token_writes.delete_token(digest)
