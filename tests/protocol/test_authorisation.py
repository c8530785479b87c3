"""Authorization: every role requests every route."""

import httpx
import pytest

from chalicelib.app_factory import BilletApp
from chalicelib.domain.token import ROLES
from chalicelib.http.routes import ENDPOINTS
from chalicelib.services import tokens

pytestmark = [pytest.mark.backend("moto"), pytest.mark.settings(auth="on")]

OPEN = {"/", "/v1/health", "/v1/openapi.json", "/docs"}
RANKS = ["reader", "editor", "admin"]


def required_role(method: str, path: str) -> str | None:
    """Return the role that the route requires, or None if it is public."""
    if path in OPEN or path.startswith(("/docs/", "/board/")) or path.endswith(".ics"):
        return None
    if method == "GET":
        return "reader"
    if path.startswith("/v1/tasks") or path.endswith("/feed"):
        return "editor"
    if path.startswith("/v1/users"):
        return "admin"
    raise AssertionError(f"no rule says who may {method} {path}")


def test_each_route_requires_its_role(server: str, application: BilletApp) -> None:
    secrets: dict[str, str | None] = {role: tokens.issue(role, role, None)[0] for role in ROLES}
    routes = [
        (method, path)
        for path, methods in application.routes.items()
        for method in methods
        if method != "OPTIONS"
    ]
    assert {(one.method, one.path) for one in ENDPOINTS} == set(routes)
    with httpx.Client(base_url=f"http://{server}") as client:
        for who, secret in {**secrets, "nobody": None, "wrong": "blt_wrong"}.items():
            client.headers = httpx.Headers(
                {"Authorization": f"Bearer {secret}"} if secret else None
            )
            for method, path in routes:
                reply = client.request(
                    method, path.format(task_id=1, user_id=1, version="1", file="app.js")
                )
                assert_role_enforced(who, required_role(method, path), reply)


def assert_role_enforced(who: str, role: str | None, reply: httpx.Response) -> None:
    case = (who, reply.request.method, reply.request.url.path)
    if role is None or (who in RANKS and RANKS.index(who) >= RANKS.index(role)):
        # There is no body and no data, so an authorized request fails only for these reasons.
        assert reply.status_code in (200, 302, 400, 404), case
        return
    assert reply.headers["Content-Type"] == "application/problem+json", case
    if who in RANKS:
        detail = f"authorization: requires the role {role}; this token has {who}"
        assert (reply.status_code, reply.json()["detail"]) == (403, detail), case
    else:
        assert reply.status_code == reply.json()["status"] == 401, case


def test_authorization_comes_before_validation(server: str) -> None:
    secret, _ = tokens.issue("ci", "reader", None)
    reply = httpx.post(
        f"http://{server}/v1/users",
        content=b"{",
        headers={"Authorization": f"Bearer {secret}", "Content-Type": "text/plain"},
    )
    assert reply.status_code == 403
    challenge = 'Bearer realm="billet-tasks", error="insufficient_scope"'
    assert reply.headers["WWW-Authenticate"] == challenge
