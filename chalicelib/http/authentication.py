"""Asking for a token before every route that is not open to everybody."""

import os

from chalice.app import (
    Authorizer,
    AuthRequest,
    AuthResponse,
    Blueprint,
    Chalice,
    CognitoUserPoolAuthorizer,
)

from chalicelib import time_budget
from chalicelib.http import principals
from chalicelib.http.pipeline import ENDPOINTS
from chalicelib.services import tokens
from chalicelib.settings import Settings

blueprint = Blueprint(__name__)
NAME = "authenticate"
"""What the authorizer is called in the template of the deployment."""

SECONDS = 8.0
"""For finding out who asks, so that a client hears of a database in trouble soon."""


@blueprint.authorizer(name=NAME, ttl_seconds=Settings.from_environ(os.environ).auth_cache_seconds)
def authenticate(request: AuthRequest) -> AuthResponse:
    """Says whose token it is. API Gateway calls it, and keeps the answer for all routes.

    A policy without routes refuses the token; `billet.package.gateway` makes that a 401.
    """
    secret = principals.bearer(request.token)
    with time_budget.within(SECONDS):
        token = tokens.find_valid(secret) if secret else None
    if token is None:
        return AuthResponse(routes=[], principal_id="nobody")
    context = {"id": token.id, "name": token.name, "role": token.role}
    return AuthResponse(routes=["*"], principal_id=token.id, context=context)


def guard(app: Chalice, settings: Settings) -> None:
    """Puts authentication before the routes of a complete app, or before none where it is off."""
    authorizer = _authorizer(app, settings)
    open_to_all = {(one.method, one.path) for one in ENDPOINTS if one.role is None}
    for path, methods in app.routes.items():
        for method, route in methods.items():
            route.authorizer = None if (method, path) in open_to_all else authorizer


def _authorizer(app: Chalice, settings: Settings) -> Authorizer | None:
    if not settings.authenticated:
        principals.trust(principals.anonymous)
        return None
    if settings.cognito_user_pool_arn:
        # Chalice's local server believes any claims, unsigned; API Gateway alone checks them.
        checked = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
        principals.trust(principals.cognito_user if checked else principals.stranger)
        return CognitoUserPoolAuthorizer("cognito", [settings.cognito_user_pool_arn])
    principals.trust(principals.token_holder)
    app.register_blueprint(blueprint)
    authorizer: Authorizer = authenticate
    return authorizer
