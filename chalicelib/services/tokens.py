"""Tokens: who may use the API, and in which role.

A token is `blt_` and 256 random bits. What is kept of it is its SHA-256 digest; with so many bits
no slower hash is needed, for nobody can try them all.
"""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Literal, get_args

from chalicelib.domain.errors import Invalid
from chalicelib.dynamodb import clock, queries
from chalicelib.dynamodb.codec import Token
from chalicelib.dynamodb.transaction import Transaction

Role = Literal["reader", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""

PREFIX = "blt_"
BYTES = 32

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
"""What API Gateway hands on from the authorizer as it is."""


def issue(name: str, role: Role, expires_at: datetime | None) -> tuple[str, Token]:
    """Makes a token; gives its secret, which is kept nowhere, and what is kept.

    Args:
        name: whose it is; several tokens may have the same, so that one can follow on another.
        expires_at: a moment of UTC, or None: it holds until it is revoked.

    Raises:
        Invalid: the name has other characters than letters, digits and ._@-, or over 64.
    """
    if not _NAME.fullmatch(name):
        raise Invalid("name: expected 1 to 64 letters, digits or characters of ._@-")
    secret = PREFIX + secrets.token_urlsafe(BYTES)
    token = Token(
        digest=_digest(secret),
        name=name,
        role=role,
        created_at=clock.now(),
        expires_at=clock.stamp(expires_at) if expires_at else None,
        last_four=secret[-4:],
    )
    change = Transaction()
    change.new_token(token)
    change.commit()
    return secret, token


def holder(secret: str) -> Token | None:
    """The token with this secret, if it holds; the same read and time whatever is wrong with it."""
    token = queries.token(_digest(secret))
    if token is None or (token.expires_at is not None and token.expires_at <= clock.now()):
        return None
    return token


def revoke(digest: str) -> None:
    """Ends a token for good."""
    change = Transaction()
    change.token_gone(digest)
    change.commit()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
