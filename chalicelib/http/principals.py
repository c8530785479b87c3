"""Who sends a request, as the authorizer before the API has found out, and what they may do."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from chalice.app import Request

from chalicelib.http import request_headers
from chalicelib.http.problems import HttpProblem
from chalicelib.services.tokens import ROLES, Role

REALM = 'Bearer realm="billet-tasks"'


class Principal(msgspec.Struct, frozen=True):
    """Whoever a request is sent for."""

    id: str
    """Never the secret itself; "" for one who is not known."""
    name: str
    """Shared by all tokens of one owner, so that one can follow on another; unique in a pool."""
    role: Role | None

    @property
    def owner(self) -> str:
        """To whom idempotency keys and the quota belong: the name; "" for one who is not known."""
        return self.name if self.id else ""

    def may(self, role: Role) -> bool:
        """Whether this one may do what needs the role."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


ANONYMOUS = Principal(id="", name="anonymous", role="admin")
"""Everybody, where authentication is off."""
STRANGER = Principal(id="", name="stranger", role=None)
"""Everybody whom the authorizer has said nothing of, where authentication is on."""

Reader = Callable[[Mapping[str, Any]], Principal]
"""Makes a principal of what the authorizer says, which is nothing where there is none."""


def stranger(said: Mapping[str, Any]) -> Principal:
    """Believes nobody."""
    return STRANGER


def anonymous(said: Mapping[str, Any]) -> Principal:
    """Where authentication is off."""
    return ANONYMOUS


def token_holder(said: Mapping[str, Any]) -> Principal:
    """Where `authentication.authenticate` has read a token."""
    return msgspec.convert(said, Principal) if said else STRANGER


def cognito_user(said: Mapping[str, Any]) -> Principal:
    """Where API Gateway has read a token of a Cognito user pool, whose groups are roles.

    API Gateway writes a claim that is a list as one text with commas.
    """
    claims = said.get("claims")
    if not claims:
        return STRANGER
    groups = claims.get("cognito:groups", "").split(",")
    roles = [role for role in ROLES if role in groups]
    name = claims.get("cognito:username", claims["sub"])
    return Principal(claims["sub"], name, roles[-1] if roles else None)


class _Trust:
    """What `trust` sets."""

    def __init__(self) -> None:
        self.reader: Reader = stranger


_trust = _Trust()


def trust(reader: Reader) -> None:
    """Says how principals are read from now on; until then all are strangers."""
    _trust.reader = reader


def of(request: Request) -> Principal:
    """The principal of a request."""
    return _trust.reader((request.context or {}).get("authorizer") or {})


def admit(request: Request, role: Role | None) -> None:
    """Refuses who may not do what needs the role; None is open to everybody.

    Raises:
        Refused: 401 for one who is not known, else 403.
    """
    principal = of(request)
    if role is None or principal.may(role):
        return
    if not principal.id:
        raise missing_token()
    challenge = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'}
    detail = f"authorization: must have the role {role}, and has {principal.role or 'none'}"
    raise HttpProblem(403, detail, headers=challenge)


def refusal(authorization: str | None) -> HttpProblem:
    """The answer to a request whose Authorization, None if absent, the authorizer does not accept.

    Another scheme than Bearer is no token, so the challenge is bare (RFC 6750, section 3.1).
    """
    given = (authorization or "").strip()
    if request_headers.has_several_credentials(given):
        return request_headers.repeated("authorization")
    return wrong_token() if bearer(given) else missing_token()


def bearer(authorization: str) -> str | None:
    """The token behind the scheme Bearer, or None."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def missing_token() -> HttpProblem:
    """The answer to a request without a token, which by RFC 6750, section 3.1, names no error."""
    detail = "authorization: must be Bearer and a token"
    return HttpProblem(401, detail, headers={"WWW-Authenticate": REALM})


def wrong_token() -> HttpProblem:
    """The one answer to a token that was never there, has expired or was revoked."""
    challenge = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
    return HttpProblem(401, "authorization: the token is not valid", headers=challenge)
