"""Who sends a request, and whether their role permits it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from chalice.app import (
    Authorizer,
    AuthRequest,
    AuthResponse,
    Chalice,
    CognitoUserPoolAuthorizer,
)

from chalicelib import time_budget
from chalicelib.domain.token import ROLES, Role
from chalicelib.http import request_headers, request_log
from chalicelib.http.problems import HttpProblem
from chalicelib.services import tokens
from chalicelib.settings import Settings

AUTHORIZER = "authenticate"
"""The name of the authorizer in the template."""
AUTHORIZER_SECONDS = 8.0
"""The authorizer's time budget. It is short, so that a client soon gets a 503 if the database does
not respond."""
CHALLENGE = 'Bearer realm="billet-tasks"'


class Principal(msgspec.Struct, frozen=True):
    """The sender of a request."""

    id: str
    """The id of the token, or of the user in the pool; never a secret; "" if there is none."""
    name: str
    """All tokens of one owner have the same name, so that a new token can replace another."""
    role: Role | None
    key_scope: str = ""
    """To whom idempotency keys belong, if not to the id (`domain.token`)."""
    logged_as: str = ""
    """The name in the log, which is never a username, if it is not `name`."""

    @property
    def quota_owner(self) -> str:
        """To whom quotas belong: the name; "" if nobody is authenticated."""
        return self.name if self.id else ""

    @property
    def key_owner(self) -> str:
        """To whom idempotency keys belong; "" if nobody is authenticated."""
        return self.key_scope or self.id

    def has(self, role: Role) -> bool:
        """Return whether the principal has the role or a higher one."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


ANONYMOUS = Principal(id="", name="anonymous", role="admin")
"""Everybody, if AUTH is off."""
UNAUTHENTICATED = Principal(id="", name="unauthenticated", role=None)
"""The sender of a request without a valid token, if AUTH is on."""

PrincipalReader = Callable[[Mapping[str, Any]], Principal]
"""Reads the principal from the authorizer's context, which is empty if no authorizer was asked."""


class Authentication(NamedTuple):
    """How an app authenticates requests."""

    authorizer: Authorizer | None
    """What API Gateway asks before it calls an endpoint that needs a role."""
    read_principal: PrincipalReader


def configure(app: Chalice, settings: Settings, *, in_lambda: bool) -> Authentication:
    """Return how an app with these settings authenticates requests; register its authorizer.

    Args:
        in_lambda: whether API Gateway has verified the claims of a Cognito user pool. Chalice's
            local server passes any claims on without a check of their signature.
    """
    if not settings.authenticated:
        return Authentication(None, lambda _: ANONYMOUS)
    if settings.cognito_user_pool_arn:
        authorizer = CognitoUserPoolAuthorizer("cognito", [settings.cognito_user_pool_arn])
        return Authentication(authorizer, cognito_user if in_lambda else lambda _: UNAUTHENTICATED)
    register = app.authorizer(name=AUTHORIZER, ttl_seconds=settings.auth_cache_seconds)
    return Authentication(register(authenticate), token_holder)


def authenticate(request: AuthRequest) -> AuthResponse:
    """Look up the token of a request. API Gateway caches the result for all routes.

    A policy without routes refuses the token; `billet.package.api_gateway` makes that a 401.
    """
    secret = bearer_token(request.token)
    with request_log.recording() as record, time_budget.within(AUTHORIZER_SECONDS):
        token = tokens.find_valid(secret) if secret else None
        if record.route == request_log.NO_REQUEST:  # in a function of its own
            record.reach_app()
            record.route, record.status = AUTHORIZER, 200 if token else 401
            record.principal = token.name if token else UNAUTHENTICATED.name
    if token is None:
        return AuthResponse(routes=[], principal_id="nobody")
    context = {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "key_scope": token.key_scope,
    }
    return AuthResponse(routes=["*"], principal_id=token.id, context=context)


def token_holder(context: Mapping[str, Any]) -> Principal:
    """Return the holder of the token that `authenticate` has found."""
    return msgspec.convert(context, Principal) if context else UNAUTHENTICATED


def cognito_user(context: Mapping[str, Any]) -> Principal:
    """Return the user of a Cognito pool, whose highest group that is a role is the user's role.

    API Gateway passes a claim that is a list as one string with commas.
    """
    claims = context.get("claims")
    if not claims:
        return UNAUTHENTICATED
    groups = claims.get("cognito:groups", "").split(",")
    roles = [role for role in ROLES if role in groups]
    name = claims.get("cognito:username", claims["sub"])
    return Principal(claims["sub"], name, roles[-1] if roles else None, logged_as=claims["sub"])


def require_role(principal: Principal, role: Role | None) -> None:
    """Refuse a principal without the role; None permits everybody.

    Raises:
        HttpProblem: 401 if nobody is authenticated, else 403.
    """
    if role is None or principal.has(role):
        return
    if not principal.id:
        raise missing_token()
    challenge = {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope"'}
    has = f"has {principal.role}" if principal.role else "has no role"
    detail = f"authorization: requires the role {role}; this token {has}"
    raise HttpProblem(403, detail, headers=challenge)


def bearer_token(authorization: str) -> str | None:
    """Return the token of an Authorization header, or None if it has none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def refusal(authorization: str | None) -> HttpProblem:
    """Return the problem for an Authorization header that the authorizer does not accept.

    Another scheme than Bearer is no token, so its challenge names no error (RFC 6750, section 3.1).
    """
    value = (authorization or "").strip()
    if request_headers.has_several_credentials(value):
        return request_headers.repeated("authorization")
    return invalid_token() if bearer_token(value) else missing_token()


def missing_token() -> HttpProblem:
    """Return the problem for a request without a token."""
    detail = "authorization: must have the form Bearer TOKEN"
    return HttpProblem(401, detail, headers={"WWW-Authenticate": CHALLENGE})


def invalid_token() -> HttpProblem:
    """Return the problem for an unknown, expired or revoked token; clients can't tell which."""
    challenge = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
    return HttpProblem(401, "authorization: the token is not valid", headers=challenge)
