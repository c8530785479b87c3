import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chalice.app import AuthRequest
from chalice.test import Client
from pynamodb.connection import Connection

from billet.metering import event_handler
from billet.package import STAGES
from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import client
from chalicelib.http.authentication import authenticate
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings
from tests.conftest import Bind

POLICIES = Path(__file__).parents[2] / ".chalice"
ACCOUNT = "${AWS::Region}:${AWS::AccountId}"
LOGS = f"arn:${{AWS::Partition}}:logs:{ACCOUNT}:log-group:/aws/lambda/${{AWS::StackName}}-*"
ALL: list[tuple[Any, ...]] = [
    ("POST", "/v1/users", {"username": "ada"}),
    ("POST", "/v1/users", {"username": "eve"}, {"Idempotency-Key": "1"}),
    ("POST", "/v1/users", {"username": "eve"}, {"Idempotency-Key": "2"}),
    ("POST", "/v1/tasks", {"name": "edit"}),
    ("GET", "/v1/users", None),
    ("GET", "/v1/users/1", None),
    ("GET", "/v1/users/1/tasks", None),
    ("GET", "/v1/users/1/tasks?sort=expires_at", None),
    ("GET", "/v1/users/1/tasks?status=DONE", None),
    ("GET", "/v1/users/1/tasks?status=DONE&sort=expires_at", None),
    ("GET", "/v1/tasks", None),
    ("GET", "/v1/tasks?sort=expires_at", None),
    ("GET", "/v1/tasks?status=DONE", None),
    ("GET", "/v1/tasks?status=DONE&sort=expires_at", None),
    ("GET", "/v1/tasks/1", None),
    ("PUT", "/v1/tasks/1/assign/user/1", None),
    ("PUT", "/v1/tasks/1", {"name": "edit", "desc": "", "status": "DONE"}),
    ("PUT", "/v1/tasks/1/unassign/user/1", None),
    ("PATCH", "/v1/tasks/1", {"name": "edited"}),
    ("DELETE", "/v1/tasks/1", None),
    ("DELETE", "/v1/users/1", None),
    ("GET", "/v1/health", None),
]
"""Every endpoint, every order of every list, and an idempotency key that is stored and replayed."""


def allowed(file: str) -> Iterator[tuple[str, str]]:
    """Yield each action that the policy allows, with its resource."""
    policy = json.loads((POLICIES / file).read_text())
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            yield from ((action, resource["Fn::Sub"]) for action in statement["Action"])


def accesses(operation: str, arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the actions that an operation needs, each with its table or index."""
    if operation == "TransactWriteItems":
        for item in arguments["TransactItems"]:
            yield from ((f"{verb}Item", parts["TableName"]) for verb, parts in item.items())
    elif operation == "BatchGetItem":
        yield from ((operation, table) for table in arguments["RequestItems"])
    else:
        index = f"/index/{arguments['IndexName']}" if "IndexName" in arguments else ""
        yield operation, arguments["TableName"] + index


@contextmanager
def recorded(connection: Connection, prefix: str) -> Iterator[set[tuple[str, str]]]:
    """Record every access to DynamoDB, without the prefix of the table names."""
    found: set[tuple[str, str]] = set()

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        for action, table in accesses(model.name, params):
            found.add((f"dynamodb:{action}", table.removeprefix(f"{prefix}-")))

    with event_handler(connection.client, "before-parameter-build.dynamodb", record):
        yield found


@pytest.fixture
def called(bind: Bind, endpoint: str, connections: dict[str, Connection]) -> set[tuple[str, str]]:
    """Return the accesses of all endpoints to DynamoDB."""
    prefix = bind().prefix
    connection = connections[endpoint]
    client.bind(Settings(table_prefix=prefix, lanes=2), connection)  # so the number of lanes grows
    limited = BilletApp(Settings(rate_quota=1000))
    with recorded(connection, prefix) as found, Client(limited, stage_name="local") as api:
        for method, path, body, *more in ALL:
            headers = {"Content-Type": "application/json"} | dict(*more)
            response = api.http.request(
                method, path, headers=headers, body=json.dumps(body).encode()
            )
            assert response.status_code in (200, 201, 409), response.body
    return found


def test_the_requests_cover_every_endpoint_that_uses_the_database() -> None:
    requested = {
        (method, re.sub(r"\b\d+\b", "{}", path.partition("?")[0])) for method, path, *_ in ALL
    }
    paths = {(one.method, re.sub(r"{\w+}", "{}", one.path)) for one in ENDPOINTS}
    documentation = {(method, path) for method, path in paths if not path.startswith("/v1/")}
    assert requested == paths - documentation - {("GET", "/v1/openapi.json")}


def expected(stage: str, called: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the statements for these accesses to the tables of the stage, and for the log."""
    table = f"arn:${{AWS::Partition}}:dynamodb:{ACCOUNT}:table/billet-{stage}-"
    verbs = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
    return {(action, table + path) for action, path in called} | {
        (f"logs:{verb}", LOGS) for verb in verbs
    }


@pytest.mark.backend("moto")
def test_a_policy_allows_exactly_the_calls_of_the_endpoints(
    called: set[tuple[str, str]],
) -> None:
    for stage in STAGES:
        assert set(allowed(f"policy-{stage}.json")) == expected(stage, called)


@pytest.mark.backend("moto")
def test_the_authorizer_policy_allows_exactly_its_calls(
    database: Settings, endpoint: str, connections: dict[str, Connection]
) -> None:
    with recorded(connections[endpoint], database.prefix) as called:
        authenticate(AuthRequest("TOKEN", "Bearer blt_wrong", ""))
    for stage in STAGES:
        assert set(allowed(f"policy-{stage}-authenticate.json")) == expected(stage, called)
