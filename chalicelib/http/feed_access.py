"""Who may read a feed: whoever has its secret; everybody if AUTH is off.

Calendar programs send no headers of their own, so the secret is a parameter of the URL. It is
the only credential of a feed, and it permits nothing else. The API's tokens are never accepted in
a URL.
"""

from chalice.app import Request

from chalicelib import time_budget
from chalicelib.domain.errors import Invalid, NotFound
from chalicelib.domain.user import User
from chalicelib.http import parsing
from chalicelib.http.authentication import (
    ANONYMOUS,
    AUTHORIZER_SECONDS,
    UNAUTHENTICATED,
    Principal,
)
from chalicelib.http.problems import HttpProblem
from chalicelib.services import feeds, users


class Subscriber(Principal, frozen=True, kw_only=True):
    """The sender of a request with the secret of a feed."""

    user: User
    """Whose feed it is."""


def identify(request: Request, principal: Principal) -> Principal:
    """Return the sender of a request for a feed.

    The secret is checked before the request is counted, as API Gateway does with tokens. So
    subscribers do not share the quota of an address with those who send a wrong one.

    Args:
        principal: the sender of a request without a secret.
    """
    parameters = request.query_params
    if not parameters or "token" not in parameters:
        return principal
    secret = parameters["token"]
    user = _user(request, secret)
    if user is None:
        return UNAUTHENTICATED
    name = f"feed:{user.id}"
    return Subscriber(id=name, name=name, role=None, user=user)


def user_of(principal: Principal, user_id: int) -> User:
    """Return the user whose feed the principal may read.

    Raises:
        HttpProblem: 404 for a wrong or missing secret. It does not tell whether the user exists.
        NotFound: the user does not exist.
    """
    if isinstance(principal, Subscriber):
        return principal.user
    if principal != ANONYMOUS:
        raise HttpProblem(
            404,
            f"token: must be that of the feed of user {user_id};"
            f" POST /v1/users/{user_id}/feed creates one",
        )
    if user := users.get(user_id):
        return user
    raise NotFound("user", user_id)


def _user(request: Request, secret: str) -> User | None:
    try:
        user_id = parsing.path_id("user_id", (request.uri_params or {})["user_id"])
    except Invalid:
        return None
    with time_budget.within(AUTHORIZER_SECONDS):
        return feeds.find_user(user_id, secret)
