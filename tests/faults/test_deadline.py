"""No request exceeds its deadline, however slow each call is.

The tests use a fake clock that advances only in calls to DynamoDB and in waits between them.
"""

import itertools
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from chalice.local import LambdaContext, LambdaEventConverter, RouteMatcher
from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from billet.integrity import findings
from chalicelib import time_budget
from chalicelib.app_factory import BilletApp
from chalicelib.domain.errors import Unavailable
from chalicelib.dynamodb import botocore_patches, client
from chalicelib.dynamodb.models import TaskModel
from chalicelib.services import tasks
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.conftest import Api, Bind
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import (
    FaultHandler,
    contended,
    inject_fault,
    operation,
    silent,
    throttled,
)
from tests.support.scenarios import CHANGES, READS, Scenario

pytestmark = pytest.mark.backend("dynamodb-local")

LIMIT = Settings().request_seconds


class Clock:
    """The fake clock of `deadline`, in seconds."""

    def __init__(self) -> None:
        self.time = 0.0

    def advance(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time_budget, "monotonic", lambda: clock.time)
    monkeypatch.setattr(time_budget, "sleep", clock.advance)
    return clock


@pytest.fixture
def send_slowly(clock: Clock, connection: Connection, api: Api) -> Callable[..., HTTPResponse]:
    """Return a function that sends a request whose calls take the maximum time.

    Each call then succeeds, or is handled by `then`.
    """

    def send(*request: str, then: FaultHandler | None = None) -> HTTPResponse:
        def handler(call: AWSPreparedRequest) -> AWSResponse | None:
            clock.advance(client.LONGEST_CALL)
            return then(call) if then else None

        clock.time = 0.0
        with inject_fault(connection, handler, lasting=True):
            return api(*request)

    return send


def assert_timed_out(response: HTTPResponse, clock: Clock, limit: float = LIMIT) -> None:
    assert clock.time <= limit
    assert response.status_code == 503, response.body
    assert response.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(response.headers["Retry-After"]) <= 3


def is_list_of_user(request: tuple[object, ...]) -> bool:
    """Return whether the request makes two concurrent calls, which this clock counts twice."""
    method, path, *_ = request
    return (
        method == "GET"
        and str(path).startswith("/v1/users/")
        and str(path).endswith(("/tasks", "/tasks.ics"))
    )


def test_no_request_exceeds_its_deadline_under_any_fault(
    api: Api, send_slowly: Callable[..., HTTPResponse], clock: Clock
) -> None:
    times = itertools.count(1)

    def throttled_at_first(call: AWSPreparedRequest) -> AWSResponse | None:
        return throttled(call) if next(times) % client.ATTEMPTS else None

    for template in (CHANGES | READS).values():
        request = Scenario(api).request(*template)
        limit = LIMIT + client.LONGEST_CALL * is_list_of_user(request)
        fault: FaultHandler
        for fault in (throttled, silent):
            assert_timed_out(send_slowly(*request, then=fault), clock, limit)
        for fault in (contended, throttled_at_first):
            send_slowly(*request, then=fault)
            assert clock.time <= limit, (request, fault)


def test_a_silent_database_is_tried_at_most_twice(
    send_slowly: Callable[..., HTTPResponse], clock: Clock
) -> None:
    assert_timed_out(send_slowly("GET", "/v1/tasks", then=silent), clock)
    assert clock.time <= 2 * client.LONGEST_CALL + 0.02


def test_an_endless_race_ends_at_the_deadline(
    api: Api, send_slowly: Callable[..., HTTPResponse], clock: Clock
) -> None:
    scenario = Scenario(api)

    def change_concurrently(call: AWSPreparedRequest) -> None:
        if operation(call) == "TransactWriteItems":
            now, again = clock.time, [TaskModel.version.add(1)]
            botocore_patches.table_of(TaskModel).update_item(
                str(scenario.ids["free"]), actions=again
            )
            clock.time = now  # the other request takes no time

    method, path = CHANGES["assign"]
    response = send_slowly(method, path.format_map(scenario.ids), then=change_concurrently)
    assert_timed_out(response, clock)
    assert api("GET", f"/v1/tasks/{scenario.ids['free']}").json_body["assignees"] == []


def test_a_long_delete_is_finished_by_repeated_requests(
    api: Api, send_slowly: Callable[..., HTTPResponse], clock: Clock
) -> None:
    *others, user_id = add_users(49)
    add_tasks(3, assignees=[*others, user_id], at_once=1)
    path = f"/v1/users/{user_id}"
    assert_timed_out(send_slowly("DELETE", path), clock)
    assert [finding.text for finding in findings()] == [
        f'users {{"id": {user_id}}}: is half deleted'
    ]
    assert api("GET", path).json_body is None
    assert send_slowly("DELETE", path).status_code == 200
    assert clock.time <= LIMIT
    assert [finding.text for finding in findings()] == []


def test_lane_reader_threads_share_the_deadline(bind: Bind, clock: Clock) -> None:
    bind(lanes=4)
    with time_budget.within(client.LONGEST_CALL):
        assert tasks.page(Paging()).items == []
        clock.advance(0.1)
        with pytest.raises(Unavailable):
            tasks.page(Paging())
    assert tasks.page(Paging()).items == []


def test_the_remaining_lambda_time_limits_the_deadline(
    application: BilletApp, connection: Connection
) -> None:
    event = LambdaEventConverter(RouteMatcher(list(application.routes))).create_lambda_event(
        "GET", "/v1/tasks", {}
    )
    with inject_fault(connection) as calls:
        response = application(event, LambdaContext("billet", 128, max_runtime_ms=4900))
    assert response["statusCode"] == 503
    assert calls == []
