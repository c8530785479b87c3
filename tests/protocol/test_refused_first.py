"""Invalid requests are rejected before any call to DynamoDB."""

from typing import Any

import pytest
from pynamodb.connection import Connection

from billet.metering import record_usage
from chalicelib.dynamodb import client
from chalicelib.dynamodb.schema_version import KNOWN
from chalicelib.settings import Settings
from tests.conftest import Api

pytestmark = pytest.mark.backend("moto")

TASK = {"name": "a", "desc": "", "status": "DONE"}
NO_IDS = ("0", "-1", "01", "1.0", str(2**53), "9" * 5000)
QUERIES = (
    "page_size=0",
    "page_size=1001",
    "page_size=" + "9" * 5000,
    "offset=-1",
    "offset=10001",
    "sort=name",
    "order=up",
    "status=OPEN",
    "limit=5",
    "order=asc&order=asc",
    "cursor=" + "A" * 5000,
)
NAMES: tuple[object, ...] = ("", "a" * 201, "a\n", True, None, float("nan"))
USERNAMES = ("", "  ", "a" * 255, "a\0", 7)
LARGEST = {"name": "a", "desc": "a" * 256 * 1024}
WRONG_FIELDS: tuple[dict[str, object], ...] = (
    *({"name": name} for name in NAMES),
    {"desc": "a" * 10_001},
    {"status": "OPEN"},
    {"expires_at": "2030-02-30"},
    {"expires_at": 20300203},
    {"id": 7},
)
REQUESTS: dict[str, list[tuple[Any, ...]]] = {
    "ids": [
        (method, path.replace("0", ident), body)
        for ident in NO_IDS
        for method, path, body in (
            ("GET", "/v1/users/0", b""),
            ("DELETE", "/v1/users/0", b""),
            ("GET", "/v1/users/0/tasks", b""),
            ("GET", "/v1/tasks/0", b""),
            ("PUT", "/v1/tasks/0", TASK),
            ("PATCH", "/v1/tasks/0", TASK),
            ("DELETE", "/v1/tasks/0", b""),
            ("PUT", "/v1/tasks/0/assign/user/1", b""),
            ("PUT", "/v1/tasks/1/assign/user/0", b""),
            ("PUT", "/v1/tasks/0/unassign/user/1", b""),
            ("PUT", "/v1/tasks/1/unassign/user/0", b""),
        )
    ],
    "pages": [
        ("GET", f"{path}?{query}")
        for query in QUERIES
        for path in ("/v1/users", "/v1/tasks", "/v1/users/1/tasks")
    ],
    "usernames": [("POST", "/v1/users", {"username": name}) for name in USERNAMES],
    "tasks": [
        (method, path, {**TASK, **wrong})
        for wrong in WRONG_FIELDS
        for method, path in (
            ("POST", "/v1/tasks"),
            ("PUT", "/v1/tasks/1"),
            ("PATCH", "/v1/tasks/1"),
        )
    ],
    "bodies": [
        (method, path, body)
        for body in (LARGEST, b"[]", b'{"name": ' + b"[" * 100_000, b'{"name": "\xff"}')
        for method, path in (
            ("POST", "/v1/users"),
            ("POST", "/v1/tasks"),
            ("PUT", "/v1/tasks/1"),
            ("PATCH", "/v1/tasks/1"),
        )
    ],
    "unexpected bodies": [
        (method, path, LARGEST)
        for method, path in (
            ("GET", "/v1/users"),
            ("DELETE", "/v1/users/1"),
            ("DELETE", "/v1/tasks/1"),
            ("PUT", "/v1/tasks/1/assign/user/1"),
        )
    ],
}


@pytest.fixture
def connection(
    endpoint: str, connections: dict[str, Connection], monkeypatch: pytest.MonkeyPatch
) -> Connection:
    """Return the connection of the API. There are no tables: any call would fail."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    connection = connections[endpoint]
    client.bind(Settings(table_prefix="none"), connection)
    client.database.memory.schema = (KNOWN, KNOWN)  # as after the first request
    return connection


@pytest.mark.parametrize("requests", REQUESTS.values(), ids=REQUESTS)
def test_a_request_beyond_a_limit_makes_no_call(
    api: Api, connection: Connection, requests: list[tuple[Any, ...]]
) -> None:
    with record_usage(connection) as bill:
        statuses = {api(*request).status_code for request in requests}
        assert bill.calls == []
        assert statuses <= {400, 413}
        api("GET", "/v1/health")
        assert bill.calls == ["GetItem"]  # calls are recorded


@pytest.mark.usefixtures("same_window")
@pytest.mark.settings(rate_quota=1, rate_shared="off")
def test_another_content_type_and_an_exhausted_quota_make_no_call(
    api: Api, connection: Connection
) -> None:
    with record_usage(connection) as bill:
        statuses = [
            api("POST", "/v1/tasks", {"name": "a"}, Content_Type="text/plain").status_code,
            api("POST", "/v1/tasks", {"name": "a"}).status_code,
        ]
    assert statuses == [415, 429]
    assert bill.calls == []
