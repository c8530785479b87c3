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
from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import client
from chalicelib.http.authentication import authenticate
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings
from tests.conftest import Bind
from tests.support.cloudformation import sam

ROOT = Path(__file__).parents[2]
ACCOUNT = "${AWS::Region}:${AWS::AccountId}"
NEW = {"op": "create", "task": {"name": "new"}}
ALL: list[tuple[Any, ...]] = [
    ("POST", "/v1/users", {"username": "ada"}),
    ("POST", "/v1/users", {"username": "eve"}, {"Idempotency-Key": "1"}),
    ("POST", "/v1/users", {"username": "eve"}, {"Idempotency-Key": "2"}),
    ("PATCH", "/v1/users/1", {"username": "ann"}),
    ("POST", "/v1/tasks", {"name": "edit"}),
    ("GET", "/v1/users", None),
    ("GET", "/v1/users?username=ada", None),
    ("GET", "/v1/users/1", None),
    ("GET", "/v1/users/1/tasks", None),
    ("GET", "/v1/users/1/tasks?sort=expires_at", None),
    ("GET", "/v1/users/1/tasks?status=DONE", None),
    ("GET", "/v1/users/1/tasks?status=DONE&sort=expires_at", None),
    ("GET", "/v1/tasks", None),
    ("GET", "/v1/tasks?sort=expires_at", None),
    ("GET", "/v1/tasks?status=DONE", None),
    ("GET", "/v1/tasks?status=DONE&sort=expires_at", None),
    ("GET", "/v1/tasks?unassigned=true", None),
    ("GET", "/v1/tasks/1", None),
    ("PUT", "/v1/tasks/1/assign/user/1", None),
    ("PUT", "/v1/tasks/1", {"name": "edit", "desc": "", "status": "DONE"}),
    ("PUT", "/v1/tasks/1/unassign/user/1", None),
    ("PATCH", "/v1/tasks/1", {"name": "edited"}),
    ("POST", "/v1/tasks/batch", {"operations": [{"op": "patch", "id": 1, "task": {}}, NEW]}),
    ("POST", "/v1/tasks/batch?mode=each", {"operations": [NEW]}, {"Idempotency-Key": "3"}),
    ("POST", "/v1/users/1/feed", None),
    ("GET", "/v1/users/1/tasks.ics", None),
    ("DELETE", "/v1/users/1/feed", None),
    ("DELETE", "/v1/tasks/1", None),
    ("DELETE", "/v1/users/1", None),
    ("GET", "/v1/health", None),
]
"""Every endpoint, every order of every list, and an idempotency key that is stored and replayed."""


def allowed(policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each action that the policy allows, with its resource."""
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            name = resource if isinstance(resource, str) else str(*resource.values())
            yield from ((action, name) for action in statement["Action"])


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


def expected(prefix: str, log: str, called: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the statements for these accesses to tables, for the log and for traces."""
    table = f"arn:${{AWS::Partition}}:dynamodb:{ACCOUNT}:table/{prefix}-"
    verbs, traces = ("CreateLogStream", "PutLogEvents"), ("TelemetryRecords", "TraceSegments")
    return (
        {(action, table + path) for action, path in called}
        | {(f"logs:{verb}", str([log, "Arn"])) for verb in verbs}
        | {(f"xray:Put{name}", "*") for name in traces}
    )


def policy(function: str, **settings: str) -> dict[str, Any]:
    """Return the policy of a function in the template."""
    [inline] = sam(**settings)["Resources"][f"{function}Role"]["Properties"]["Policies"]
    document: dict[str, Any] = inline["PolicyDocument"]
    return document


STAGES = [
    ({"stage": "prod"}, "billet-prod"),
    ({"stage": "pr-7"}, "billet-pr-7"),
    ({"stage": "prod", "table_prefix": "team.tasks"}, "team.tasks"),
]


@pytest.mark.backend("moto")
def test_a_policy_allows_exactly_the_calls_of_the_endpoints(
    called: set[tuple[str, str]],
) -> None:
    for settings, prefix in STAGES:
        found = set(allowed(policy("APIHandler", **settings)))
        assert found == expected(prefix, "APIHandlerLog", called)


@pytest.mark.backend("moto")
def test_the_authorizer_policy_allows_exactly_its_calls(
    database: Settings, endpoint: str, connections: dict[str, Connection]
) -> None:
    with recorded(connections[endpoint], database.prefix) as called:
        authenticate(AuthRequest("TOKEN", "Bearer blt_wrong", ""))
    for settings, prefix in STAGES:
        found = set(allowed(policy("Authenticate", **settings)))
        assert found == expected(prefix, "AuthenticateLog", called)


@pytest.mark.parametrize(
    ("function", "file"), [("APIHandler", "api.json"), ("Authenticate", "authorizer.json")]
)
def test_the_committed_policies_are_those_of_the_stage_prod(function: str, file: str) -> None:
    """So a change of permissions can be reviewed as a change of a file."""
    committed = json.loads((ROOT / "docs" / "policies" / file).read_text())
    assert committed == policy(function, stage="prod")
