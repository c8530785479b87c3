"""A request with an idempotency key is carried out once, however often it is repeated."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from chalice.local import LambdaContext
from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import clock
from chalicelib.dynamodb.models import IdempotencyModel
from chalicelib.services import tasks
from chalicelib.services.pagination import Paging
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, age_reply
from tests.support.injection import inject_fault

FULL_TASK = {"name": "edited", "desc": "", "status": "DONE"}
CHANGES: list[tuple[Any, ...]] = [
    ("POST", "/v1/users", {"username": "ada"}),
    ("POST", "/v1/tasks", {"name": "plan", "desc": '"é\n'}),
    ("PUT", "/v1/tasks/1", FULL_TASK),
    ("PUT", "/v1/tasks/1/assign/user/1"),
    ("PATCH", "/v1/tasks/1", {"name": "edit"}),
    ("PUT", "/v1/tasks/1/assign/user/1", b" "),
    ("PUT", "/v1/tasks/1/unassign/user/1"),
    ("DELETE", "/v1/tasks/1"),
    ("DELETE", "/v1/users/1"),
]
"""Each request depends on the requests before it."""


@pytest.fixture
def lanes() -> int:
    """Idempotency keys do not depend on lanes."""
    return 1


@pytest.fixture
def connection(api: Api, endpoint: str, connections: dict[str, Connection]) -> Connection:
    """Return the connection that the API uses."""
    return connections[endpoint]


def state(api: Api) -> list[Any]:
    """Return every response body and ETag. The ETag shows changes that set the same values."""
    paths = ("/v1/users", "/v1/tasks", "/v1/tasks/1", "/v1/users/1/tasks")
    return [
        (response.json_body, response.headers.get("ETag"))
        for response in (api("GET", p) for p in paths)
    ]


def test_a_repeated_request_gets_the_first_response_and_changes_nothing(api: Api) -> None:
    for position, change in enumerate(CHANGES):
        first = api(*change, Idempotency_Key=f'"key {position}"')
        assert first.status_code in (200, 201), first.body
        after = state(api)
        again = api(*change, Idempotency_Key=f'"key {position}"')
        assert (again.status_code, again.body) == (first.status_code, first.body)
        own = {name: again.headers[name] for name in ("X-Request-Id", "traceresponse")}
        own["Idempotency-Replayed"] = "true"
        assert again.headers == first.headers | own
        assert state(api) == after


def test_a_key_with_another_payload_is_rejected(api: Api, user: int, task: int) -> None:
    path = f"/v1/tasks/{task}"
    assert api("PATCH", path, {"name": "edit"}, Idempotency_Key="a").status_code == 200
    before = state(api)
    for other, body, headers in (
        (path, {"name": "other"}, {}),
        ("/v1/tasks/2", {"name": "edit"}, {}),
        (path, {"name": "edit"}, {"If_Match": "*"}),
    ):
        response = api("PATCH", other, body, Idempotency_Key="a", **headers)
        assert (response.status_code, response.json_body["title"]) == (422, "Unprocessable Content")
        assert "draft-ietf-httpapi-idempotency-key-header" in response.json_body["type"]
    assert state(api) == before


FINGERPRINT = "5a76a1e95a3c948fa1ff61f00855e6ef361d413625c9e5b7c6018daddfe09cf7"
"""The stored fingerprint of PATCH /v1/tasks/1 with {"name": "mend"}.

It must not change: a retry after a deployment has to find it.
"""


def test_a_percent_encoded_path_is_the_same_request(api: Api, task: int) -> None:
    change = {"name": "mend"}
    paths = ("/v1/tasks/1", "/v1/tasks/%31", "/v1/tasks/1/")
    responses = [api("PATCH", path, change, Idempotency_Key="a") for path in paths]
    assert [response.status_code for response in responses] == [200] * 3
    assert {response.body for response in responses} == {responses[0].body}
    assert [item.fingerprint for item in IdempotencyModel.scan()] == [FINGERPRINT]


@pytest.mark.settings(auth="on")
@pytest.mark.usefixtures("api")
def test_a_key_is_scoped_to_its_route_and_principal(
    application: BilletApp,
) -> None:
    sent = [
        authorized_post(application, name, "/v1/tasks", '{"name": "plan"}')
        for name in ("eve", "bob", "eve")
    ]
    sent.append(authorized_post(application, "eve", "/v1/users", '{"username": "plan"}'))
    assert [response["statusCode"] for response in sent] == [201] * 4
    assert sent[0]["body"] == sent[2]["body"] != sent[1]["body"]
    assert len(tasks.page(Paging()).items) == 2


@pytest.mark.settings(auth="on")
@pytest.mark.usefixtures("api")
def test_a_rotated_token_with_the_same_name_shares_keys(
    application: BilletApp,
) -> None:
    body = '{"name": "plan"}'
    first, again = (
        authorized_post(application, "ci", "/v1/tasks", body, token) for token in ("old", "new")
    )
    assert (again["statusCode"], again["body"]) == (201, first["body"])
    assert again["headers"]["Idempotency-Replayed"] == "true"
    other = authorized_post(
        application, "old", "/v1/tasks", body
    )  # the name is the id of the first token
    assert other["body"] != first["body"]
    assert len(tasks.page(Paging()).items) == 2


@pytest.mark.settings(auth="on")
@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    "scope", ["0123456789abcdef", ""], ids=["stored", "of an authorizer of that release"]
)
def test_a_key_of_a_token_of_the_first_release_is_stored_as_that_release_stores_it(
    application: BilletApp, scope: str
) -> None:
    token = "0123456789abcdef"
    authorized_post(application, "ci", "/v1/tasks", '{"name": "plan"}', token, key_scope=scope)
    key = sha256(f'["{token}","POST","/v1/tasks","a"]'.encode()).hexdigest()
    assert [item.key for item in IdempotencyModel.scan()] == [key]


def authorized_post(
    app: BilletApp, name: str, path: str, body: str, ident: str = "0123", **context: str
) -> dict[str, Any]:
    """Send a POST with the key "a" as an authorized API Gateway event."""
    principal = {"id": ident, "name": name, "role": "admin", "key_scope": name, **context}
    event = {
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": path,
            "path": path,
            "authorizer": principal,
        },
        "headers": {"content-type": "application/json", "idempotency-key": "a"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
        "body": body,
        "isBase64Encoded": False,
    }
    response: dict[str, Any] = app(event, LambdaContext("", 128, max_runtime_ms=28_000))
    return response


def create_with_interruption(
    connection: Connection, api: Api, at: int, *acts: Callable[[], Any]
) -> tuple[HTTPResponse, list[Any]]:
    """Create a task with the key "a" and run the acts just before its call at this position.

    Return the response and the results of the acts.
    """
    results: list[Any] = []

    def act(request: Any) -> None:
        results.extend(one() for one in acts)

    with inject_fault(connection, act, at=at):
        return create(api), results


def create(api: Api) -> HTTPResponse:
    return api("POST", "/v1/tasks", {"name": "plan"}, Idempotency_Key="a")


@pytest.mark.parametrize("call", [1, 2])
def test_a_repeat_during_the_first_request_gets_a_409(
    api: Api, connection: Connection, call: int
) -> None:
    first, [again] = create_with_interruption(connection, api, call, lambda: create(api))
    assert (again.status_code, first.status_code) == (409, 201)
    assert int(again.headers["Retry-After"]) > 0
    assert "draft-ietf-httpapi-idempotency-key-header" in again.json_body["type"]
    assert create(api).body == first.body
    assert len(api("GET", "/v1/tasks").json_body) == 1


@pytest.mark.parametrize("call", [1, 2])
def test_after_the_lease_expires_only_the_next_request_is_carried_out(
    api: Api, connection: Connection, call: int
) -> None:
    def end_lease() -> None:
        [item] = IdempotencyModel.scan()
        age_reply(item, lease=clock.seconds() - 1)

    first, [_, again] = create_with_interruption(
        connection, api, call, end_lease, lambda: create(api)
    )
    assert (again.status_code, first.status_code) == (201, 409)
    assert create(api).body == again.body
    assert len(api("GET", "/v1/tasks").json_body) == 1


def test_a_key_expires_after_a_day_even_if_its_item_still_exists(api: Api) -> None:
    begun = clock.seconds()
    first = create(api)
    [item] = IdempotencyModel.scan()
    assert begun <= item.expires - 24 * 60 * 60 <= clock.seconds()
    assert create(api).body == first.body
    age_reply(item, expires=clock.seconds() - 1)
    assert create(api).body != first.body
    assert len(api("GET", "/v1/tasks").json_body) == 2


def test_a_failed_request_is_not_stored(api: Api, user: int) -> None:
    def assign() -> HTTPResponse:
        return api("PUT", f"/v1/tasks/1/assign/user/{user}", If_Match='"1"', Idempotency_Key="a")

    assert assign().status_code == 404
    api("POST", "/v1/tasks", {"name": "plan"})
    assert assign().json_body["detail"] == "task 1 assigned to user 1"
    assert assign().json_body["detail"] == "task 1 assigned to user 1"


def test_a_key_may_be_unquoted_and_get_ignores_it(api: Api) -> None:
    made = [
        api("POST", "/v1/tasks", {"name": "plan"}, Idempotency_Key=key)
        for key in ("3f-9.A", '"3f-9.A"', r'"a\"b"', r'"a\\b"')
    ]
    assert [response.json_body["payload"]["id"] for response in made] == [1, 1, 2, 3]
    assert api("GET", "/v1/tasks/1", Idempotency_Key="a\tb").status_code == 200


def test_a_delete_that_fills_a_transaction_has_room_for_its_reply(api: Api, user: int) -> None:
    add_tasks(49, assignees=[user])  # 98 operations; 100 with the user and the username reservation
    deleted = [api("DELETE", f"/v1/users/{user}", Idempotency_Key="a") for _ in range(2)]
    assert [response.status_code for response in deleted] == [200, 200]
