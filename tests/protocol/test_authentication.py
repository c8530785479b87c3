"""Authentication: valid tokens are accepted, others get a 401 with a challenge."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from chalice.deploy.swagger import TemplatedSwaggerGenerator
from chalice.local import LambdaContext
from pynamodb.connection import Connection

from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb.models import TokenModel
from chalicelib.http.routes import ENDPOINTS
from chalicelib.services import tokens
from chalicelib.settings import Settings
from tests.support.injection import FAULTS, inject_fault

pytestmark = [pytest.mark.backend("moto"), pytest.mark.settings(auth="on")]

POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"
MISSING = 'Bearer realm="billet-tasks"'
WRONG = 'Bearer realm="billet-tasks", error="invalid_token"'


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{server}") as client:
        yield client


def bearer(secret: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {secret}"}


def revoked() -> str:
    secret, token = tokens.issue("ci", "admin", None)
    tokens.revoke(token.digest)
    return secret


def expired() -> str:
    return tokens.issue("ci", "admin", datetime.now(UTC) - timedelta(seconds=1))[0]


def test_a_request_without_a_token_gets_a_bearer_challenge(client: httpx.Client) -> None:
    reply = client.get("/v1/tasks")
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == MISSING
    assert reply.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "success": False,
        "detail": "authorization: must have the form Bearer TOKEN",
    }


def test_unknown_expired_revoked_and_malformed_tokens_get_the_same_response(
    client: httpx.Client,
) -> None:
    words = ["blt_" + "A" * 43, expired(), revoked(), "blt_x y", "\xff" * 9000]
    for header in (f"Bearer {word}" for word in words):
        reply = client.get("/v1/tasks", headers={b"Authorization": header.encode()})
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"] == WRONG
        assert reply.json()["detail"] == "authorization: the token is not valid"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic YTpi", 'Digest username="a", uri="/,"', "token"]
)
def test_other_schemes_get_the_response_to_a_missing_token(
    client: httpx.Client, header: str
) -> None:
    reply = client.get("/v1/tasks", headers={"Authorization": header})
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, MISSING)
    assert reply.json()["detail"] == "authorization: must have the form Bearer TOKEN"


@pytest.mark.parametrize(
    "lines",
    [
        ("Bearer a", "Bearer a"),
        ("Bearer {}", "Bearer {}"),
        ("Bearer {}", "Basic YTpi"),
        ("Basic YTpi", "Bearer {}"),
        ("", "Bearer {}"),
        ("Bearer {}", ""),
        ('Digest username="a", uri="/"', "Bearer {}"),
    ],
)
def test_a_repeated_authorization_header_is_rejected(
    client: httpx.Client, lines: tuple[str, str]
) -> None:
    secret, _ = tokens.issue("ci", "reader", None)
    sent = [("Authorization", line.format(secret)) for line in lines]
    for headers in (sent, [("Authorization", ",".join(line for _, line in sent))]):
        reply = client.get("/v1/tasks", headers=headers)
        assert (reply.status_code, reply.json()["detail"]) == (
            400,
            "authorization: must be sent only once",
        )


def test_the_scheme_is_case_insensitive_and_the_token_case_sensitive(client: httpx.Client) -> None:
    secret, _ = tokens.issue("ci", "reader", datetime.now(UTC) + timedelta(hours=1))
    for scheme in ("Bearer", "bearer", "BEARER "):
        assert client.get("/v1/tasks", headers=bearer(secret, scheme)).status_code == 200
    assert client.get("/v1/tasks", headers=bearer(secret.swapcase())).status_code == 401


def test_a_revoked_token_is_rejected_immediately(client: httpx.Client) -> None:
    secret, token = tokens.issue("ci", "reader", None)
    assert client.get("/v1/tasks", headers=bearer(secret)).status_code == 200
    tokens.revoke(token.digest)
    assert client.get("/v1/tasks", headers=bearer(secret)).status_code == 401


def test_public_routes_need_no_token(client: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/v1/health", 200),
        ("HEAD", "/v1/health", 200),
        ("HEAD", "/v1/tasks", 401),
        ("OPTIONS", "/v1/tasks", 204),
        ("DELETE", "/v1/tasks", 405),
        ("GET", "/v1/nothing", 404),
    ):
        assert client.request(method, path).status_code == status, (method, path)


def test_an_unavailable_database_is_a_503_and_not_a_401(
    client: httpx.Client, endpoint: str, connections: dict[str, Connection]
) -> None:
    secret, _ = tokens.issue("ci", "reader", None)
    for fault in FAULTS:
        if fault.lasts and fault.refusal == 503:
            with inject_fault(connections[endpoint], fault.handler, lasting=True) as sent:
                reply = client.get("/v1/tasks", headers=bearer(secret))
            assert not fault.unsure or len(sent) == 2
            assert reply.status_code == reply.json()["status"] == 503
            assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.alters_tables
def test_an_internal_error_admits_nobody_and_logs_no_secret(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    secret, _ = tokens.issue("ci", "reader", None)
    TokenModel.delete_table()
    reply = client.get("/v1/tasks", headers=bearer(secret))
    assert reply.status_code == 500
    assert re.fullmatch(r"request [0-9a-f-]{36} failed", reply.json()["detail"])
    assert reply.headers["X-Request-Id"] in caplog.text
    assert secret not in caplog.text


def test_only_the_routes_without_a_role_have_no_authorizer(application: BilletApp) -> None:
    authorizer = application.routes["/v1/tasks"]["GET"].authorizer
    assert authorizer
    assert authorizer.name == "authenticate"
    open_to_all = {(one.method, one.path) for one in ENDPOINTS if one.role is None}
    for path, methods in application.routes.items():
        for method, route in methods.items():
            public = method == "OPTIONS" or (method, path) in open_to_all
            assert route.authorizer is (None if public else authorizer)


def status_of(app: BilletApp, method: str, path: str, **authorizer: Any) -> int:
    """Send an invalid request with this authorizer context and return the status.

    The status is 400 if the request is authorized.
    """
    context: dict[str, Any] = {"resourcePath": path, "httpMethod": method, "path": path}
    if authorizer:
        context["authorizer"] = authorizer
    event = {
        "headers": {},
        "multiValueQueryStringParameters": {"offset": ["-1"]},
        "pathParameters": None,
        "stageVariables": None,
        "body": "",
        "isBase64Encoded": False,
        "requestContext": context,
    }
    status: int = app(event, LambdaContext("", 128))["statusCode"]
    return status


def test_a_request_without_an_authorizer_context_is_rejected(application: BilletApp) -> None:
    assert status_of(application, "GET", "/v1/tasks") == 401
    known = {"id": "0123", "name": "ci", "role": "reader", "principalId": "0"}
    assert status_of(application, "GET", "/v1/tasks", **known) == 400


@pytest.fixture
def pool() -> Settings:
    return Settings(stage="prod", cognito_user_pool_arn=POOL, rate_quota=0)


@pytest.mark.parametrize(
    ("groups", "read", "create"),
    [
        ({"cognito:groups": "reader"}, 400, 403),
        ({"cognito:groups": "staff,admin,reader"}, 400, 400),
        ({"cognito:groups": "staff"}, 403, 403),
        ({}, 403, 403),
    ],
)
def test_user_pool_groups_are_roles_and_the_highest_applies(
    pool: Settings,
    groups: dict[str, str],
    read: int,
    create: int,
) -> None:
    app = BilletApp(pool, in_lambda=True)
    claims = {"sub": "5c1d", "cognito:username": "ada", **groups}
    assert status_of(app, "GET", "/v1/tasks", claims=claims) == read
    assert status_of(app, "POST", "/v1/users", claims=claims) == create
    assert status_of(app, "GET", "/v1/tasks") == 401


def test_user_pool_claims_are_rejected_outside_lambda(pool: Settings) -> None:
    app = BilletApp(pool)
    claims = {"sub": "5c1d", "cognito:groups": "admin"}
    assert status_of(app, "GET", "/v1/tasks", claims=claims) == 401


def test_a_user_pool_replaces_the_token_authorizer_in_the_deployment(pool: Settings) -> None:
    described = TemplatedSwaggerGenerator().generate_swagger(BilletApp(pool))
    [scheme] = described["securityDefinitions"].values()
    assert scheme["x-amazon-apigateway-authorizer"]["providerARNs"] == [POOL]
    assert described["paths"]["/v1/tasks"]["get"]["security"] == [{"cognito": []}]
    assert "security" not in described["paths"]["/v1/health"]["get"]
