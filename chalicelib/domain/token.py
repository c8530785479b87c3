"""API tokens and roles."""

from typing import Literal, get_args

import msgspec

Role = Literal["reader", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""In ascending order: each role has the permissions of the roles before it."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token without its secret. Both times are UTC in ISO 8601 with microseconds."""

    digest: str
    """The SHA-256 of the secret, in hexadecimal."""
    name: str
    role: str
    created_at: str
    expires_at: str | None = None
    last_four: str
    keys_by_name: bool = False
    """Whether idempotency keys belong to the name; in the first release they belong to the id."""

    @property
    def id(self) -> str:
        """The public id: the first 64 of the digest's 256 bits."""
        return self.digest[:16]

    @property
    def key_scope(self) -> str:
        """To whom the idempotency keys of its requests belong.

        A request that reached the first release may be repeated now, so the scope of a token never
        changes."""
        return self.name if self.keys_by_name else self.id
