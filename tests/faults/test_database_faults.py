"""A slow, refusing or resetting database: a fast 503, no partial write, and a full recovery.

The faults happen between the real client and a real database.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import SSLError
from pynamodb.connection import Connection

from billet.integrity import findings
from billet.serve.listening import reserve_port
from chalicelib.domain.errors import Unavailable
from chalicelib.dynamodb import client, stored_counters
from chalicelib.dynamodb.models import TaskModel, UserModel
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.http.request_log import Line
from chalicelib.services import optimistic, users
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.faults import proxy
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import (
    FaultHandler,
    contended,
    inject_fault,
    operation,
    reply,
    send,
)
from tests.support.scenarios import until_available

pytestmark = pytest.mark.backend("dynamodb-local")

READ_SECONDS = 0.5
REQUESTS: list[tuple[Any, ...]] = [
    ("POST", "/v1/users", {"username": "new"}),
    ("PATCH", "/v1/tasks/1", {"name": "edited"}),
    ("PUT", "/v1/tasks/2/assign/user/1"),
]


@pytest.fixture
def proxied_database(
    endpoint: str, connection: Connection, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[proxy.Proxy]:
    """Return the proxy between the API and its database, which starts closed.

    The database has a user and two tasks.
    """
    add_users(1)
    add_tasks(2)
    with reserve_port("127.0.0.1", 0) as port:
        proxied_database = proxy.Proxy(endpoint, port)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxied_database.url)
        monkeypatch.setattr(client, "READ_TIMEOUT", READ_SECONDS)
        client.bind(database)
        yield proxied_database
    client.bind(database, connection)
    assert [finding.text for finding in findings()] == []
    assert len(list(UserModel.scan())) == 2


NETWORK_FAULTS = [
    proxy.silent,
    proxy.late,
    proxy.resetting,
    proxy.resetting_midway,
    proxy.ending_midway,
    proxy.throttling,
    None,
]


@pytest.mark.parametrize("way", NETWORK_FAULTS, ids=lambda way: way.__name__ if way else "gone")
def test_a_database_failure_is_a_fast_503_without_partial_writes(
    api: Api, proxied_database: proxy.Proxy, way: proxy.Way | None
) -> None:
    with proxied_database.open() if way else nullcontext():
        assert_reported(api, proxied_database, way)
    proxied_database.way = proxy.relay
    with proxied_database.open():
        again = [until_available(api, *request).status_code for request in REQUESTS]
    assert again in (
        [201, 200, 200],
        [409, 200, 200],
    )  # 409: the first request took effect after its timeout


def assert_reported(api: Api, proxied_database: proxy.Proxy, way: proxy.Way | None) -> None:
    proxied_database.way = way or proxy.relay
    for request in REQUESTS:
        proxied_database.request_count = 0
        response = api(*request)
        assert response.status_code == 503, (way, request)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert 1 <= int(response.headers["Retry-After"]) <= 3
        most = client.ATTEMPTS if way is proxy.throttling else client.MAX_UNANSWERED
        assert proxied_database.request_count <= most


def test_a_write_is_not_retried_after_a_tls_error(api: Api, connection: Connection) -> None:
    def broken(request: AWSPreparedRequest) -> AWSResponse:
        send(request)
        raise SSLError(endpoint_url=request.url, error="bad record")

    with inject_fault(connection, broken, at=1) as calls:
        assert api("POST", "/v1/tasks", {"name": "plan"}).status_code == 503
    assert calls.count("PutItem") == 1


def failing(status: int, code: str, done: bool, **more: Any) -> FaultHandler:
    """Return a handler that responds with this error, after or instead of the real call."""

    def handler(request: AWSPreparedRequest) -> AWSResponse:
        if done:
            send(request)
        return reply(request, status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"} | more)

    return handler


CODES = ["InternalFailure", "InternalServerError", "ServiceUnavailable", "NeverHeardOf", ""]


@pytest.mark.parametrize("status", [500, 502, 503, 507])
@pytest.mark.parametrize("code", CODES)
def test_a_server_error_is_a_503_and_a_write_is_not_retried(
    api: Api, connection: Connection, status: int, code: str
) -> None:
    with inject_fault(connection, failing(status, code, done=True), at=1) as calls:
        response = api("POST", "/v1/tasks", {"name": "plan"})
    assert (response.status_code, calls) == (503, ["UpdateItem", "PutItem"])
    assert "check whether a change was made" in response.json_body["detail"]
    with inject_fault(connection, failing(status, code, done=False)) as calls:
        assert api("GET", "/v1/tasks/1").status_code == 200
    assert calls == ["GetItem"] * 2
    with inject_fault(connection, failing(status, code, done=False), lasting=True):
        response = api("GET", "/v1/tasks/1")
    assert response.status_code == 503
    assert response.json_body["detail"] == "the database did not respond; try again"


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [
        (400, "NeverHeardOf", 500),
        (400, "ValidationException", 500),
        (400, "ThrottlingException", 503),
        (400, "RequestLimitExceeded", 503),
    ],
)
def test_other_errors_are_internal_errors_unless_they_report_load(
    api: Api, connection: Connection, status: int, code: str, wanted: int
) -> None:
    with inject_fault(connection, failing(status, code, done=False), lasting=True):
        assert api("GET", "/v1/tasks/1").status_code == wanted


def test_a_503_and_its_cause_are_warnings(
    api: Api, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with inject_fault(connection, failing(400, "ThrottlingException", done=False), lasting=True):
        assert api("GET", "/v1/tasks/1").status_code == 503
    warnings = [one for one in caplog.records if one.levelname == "WARNING"]
    refusals = [one for one in warnings if one.getMessage().startswith("DynamoDB refused: ")]
    assert len(refusals) == 5
    (line,) = [one.msg for one in warnings if isinstance(one.msg, Line)]
    assert (line.level, line.route, line.status) == ("WARNING", "GET /v1/tasks/{task_id}", 503)


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("InternalServerError", 503),
        ("NeverHeardOf", 503),
        ("ThrottlingError", 503),
        ("TransactionConflict", 409),
        ("ValidationError", 500),
        ("ItemCollectionSizeLimitExceeded", 500),
    ],
)
def test_a_cancelled_transaction_is_classified_by_its_reasons(
    api: Api, connection: Connection, reason: str, wanted: int
) -> None:
    reasons = [{"Code": "None"}, {"Code": reason}]
    handler = failing(400, "TransactionCanceledException", False, CancellationReasons=reasons)
    with inject_fault(connection, handler, at=1, lasting=True):
        assert api("POST", "/v1/users", {"username": "ada"}).status_code == wanted


def test_unprocessed_batch_keys_are_retried_a_limited_number_of_times(
    connection: Connection, database: Settings
) -> None:
    def nothing(request: AWSPreparedRequest) -> AWSResponse:
        return reply(request, 200, {"Responses": {}, "UnprocessedKeys": {"counters": {}}})

    with inject_fault(connection, nothing, lasting=True) as calls, pytest.raises(Unavailable):
        stored_counters.read("tasks")
    assert calls == ["BatchGetItem"] * client.ATTEMPTS


def preceding(model: type[TaskModel | UserModel]) -> FaultHandler:
    """Return a handler that changes the first task or user before each transaction."""

    def precede(request: AWSPreparedRequest) -> None:
        if operation(request) == "TransactWriteItems":
            other = Transaction()
            other.update(model(1), [model.version.add(2)])  # a missing version is 1
            other.commit()

    return precede


@pytest.mark.usefixtures("no_retry_delay")
def test_a_delete_of_a_user_whose_task_always_changes_is_a_503_and_is_not_done(
    api: Api, connection: Connection
) -> None:
    add_tasks(1, assignees=add_users(1))
    with inject_fault(connection, preceding(TaskModel), lasting=True) as calls:
        refused = api("DELETE", "/v1/users/1")
    assert calls.count("TransactWriteItems") == users.MAX_DELETE_STEPS
    assert (refused.status_code, refused.json_body["detail"]) == (
        503,
        "user 1 has many tasks, or others are changing them; repeat the request to finish",
    )
    assert api("GET", "/v1/users/1").json_body["username"] == "user1"


@pytest.mark.usefixtures("no_retry_delay")
@pytest.mark.parametrize(
    ("path", "change", "model"),
    [
        ("/v1/tasks/1", {"name": "late"}, TaskModel),
        ("/v1/users/1", {"username": "late"}, UserModel),
    ],
)
def test_a_write_that_another_precedes_at_every_attempt_is_a_409(
    api: Api, connection: Connection, path: str, change: Any, model: type[TaskModel | UserModel]
) -> None:
    add_tasks(1, assignees=add_users(1))
    before = api("GET", path).json_body
    with inject_fault(connection, preceding(model), lasting=True) as calls:
        refused = api("PATCH", path, change)
    assert (refused.status_code, calls.count("TransactWriteItems")) == (409, optimistic.ATTEMPTS)
    after = api("GET", path).json_body
    assert {**after, "etag": ""} == {**before, "etag": ""}
    assert api("PATCH", path, change).status_code == 200


@pytest.mark.usefixtures("no_retry_delay")
@pytest.mark.parametrize("at", range(2, 6))
def test_contention_in_a_large_delete_is_a_409_only_before_the_user_is_marked(
    api: Api, connection: Connection, at: int
) -> None:
    *others, user_id = add_users(49)
    add_tasks(2, assignees=[*others, user_id], at_once=1)
    path = f"/v1/users/{user_id}"
    api("GET", "/v1/tasks")  # it remembers which users are being deleted
    with inject_fault(connection, contended, at=at, lasting=True) as calls:
        refused = api("DELETE", path)
    marked = at > calls.index("TransactWriteItems")
    assert all(
        (user_id in task["assignees"]) != marked for task in api("GET", "/v1/tasks").json_body
    )
    assert refused.status_code == (503 if marked else 409)
    assert (api("GET", path).json_body is None) is marked
    if marked:
        detail = f"user {user_id} is deleted in part; repeat the request to finish"
        assert refused.json_body["detail"] == detail
    assert api("DELETE", path).status_code == 200
    assert [finding.text for finding in findings()] == []
