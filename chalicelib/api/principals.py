"""Who sends a request, as the authorizer in front of the API has found out."""

from typing import Literal

import msgspec
from chalice.app import Request

Role = Literal["reader", "editor", "admin"]


class Principal(msgspec.Struct, frozen=True):
    """Whoever a request is sent for."""

    id: str
    """Never the secret itself; "" for one who is not known."""
    name: str
    role: Role


ANONYMOUS = Principal(id="", name="anonymous", role="admin")
"""Everybody, where authentication is off."""


def of(request: Request) -> Principal:
    """The principal of a request."""
    found = (request.context or {}).get("authorizer")
    return msgspec.convert(found, Principal) if found else ANONYMOUS
