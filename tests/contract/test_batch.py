"""POST /v1/tasks/batch: several operations, all or none, or each by itself."""

import json
import time
from typing import Any

import msgspec
import pytest
from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from billet.integrity import findings
from chalicelib.domain.ids import MAX_ID
from chalicelib.domain.task import MAX_ASSIGNEES, Task
from chalicelib.dynamodb import clock, queries
from chalicelib.dynamodb.models import IdempotencyModel
from chalicelib.http.fields import MAX_DESC, MAX_NAME
from chalicelib.http.pages import MAX_ENCODED
from chalicelib.http.schemas import MAX_BATCH, BatchBody, OperationResult, TaskBody
from chalicelib.services import batch
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users, age_reply, mark_as_deleting
from tests.support.injection import inject_fault

Body = dict[str, Any]
HOUR = 3600


@pytest.fixture
def lanes() -> int:
    return 2


@pytest.fixture
def connection(api: Api, endpoint: str, connections: dict[str, Connection]) -> Connection:
    """Return the connection that the API uses."""
    return connections[endpoint]


def send(api: Api, *operations: Body, mode: str = "all", **headers: str) -> HTTPResponse:
    return api("POST", f"/v1/tasks/batch?mode={mode}", {"operations": [*operations]}, **headers)


def error(api: Api, *operations: Body, mode: str = "all", **headers: str) -> tuple[int, str]:
    response = send(api, *operations, mode=mode, **headers)
    return response.status_code, response.json_body["detail"]


def everything(api: Api, user: int) -> list[Any]:
    paths = ("/v1/tasks", f"/v1/users/{user}/tasks")
    return [api("GET", path).json_body for path in paths]


def create(name: str, **fields: Any) -> Body:
    return {"op": "create", "task": {"name": name, **fields}}


def patch(ident: int, *, if_match: str | None = None, **fields: Any) -> Body:
    condition = {"if_match": if_match} if if_match else {}
    return {"op": "patch", "id": ident, "task": fields, **condition}


def delete(ident: int, **more: Any) -> Body:
    return {"op": "delete", "id": ident, **more}


def assign(ident: int, user: int, **more: Any) -> Body:
    return {"op": "assign", "id": ident, "user": user, **more}


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
@pytest.mark.parametrize("mode", ["all", "each"])
def test_each_operation_is_done_and_has_its_result_in_order(
    api: Api, user: int, mode: str, keyed: bool
) -> None:
    one, two, three, four = add_tasks(4, assignees=[user])
    [other] = add_users(1)
    headers = {"Idempotency_Key": "a"} if keyed else {}
    operations = (
        create("new", assignees=[user, other]),
        patch(one, status="DONE", if_match='"1"'),
        delete(two, if_match="*"),
        assign(three, other, if_match='"1"'),
        patch(four),
        create("last"),
    )
    response = send(api, *operations, mode=mode, **headers)
    assert response.status_code == 200, response.body
    body = response.json_body
    assert (body["success"], body["detail"]) == (True, "6 operations done")
    results = body["results"]
    new, last = results[0]["id"], results[5]["id"]
    ids = [new, one, two, three, four, last]
    assert [result["id"] for result in results] == ids
    assert [result["op"] for result in results] == [one["op"] for one in operations]
    assert [result["status"] for result in results] == [201, 200, 200, 200, 200, 201]
    tags = ['"1"', '"2"', None, '"2"', '"1"', '"1"']
    assert [result.get("etag") for result in results] == tags
    for ident, result in zip(ids, results, strict=True):
        shown = api("GET", f"/v1/tasks/{ident}")
        assert shown.json_body == result.get("payload")
        assert shown.headers.get("ETag") == result.get("etag")
    assert [one["id"] for one in api("GET", f"/v1/users/{other}/tasks").json_body] == [new, three]
    assert not keyed or send(api, *operations, mode=mode, **headers).json_body == body
    assert len(api("GET", "/v1/tasks").json_body) == 5
    assert not list(findings())


def test_users_count_their_assignments_of_one_batch_once_each(api: Api) -> None:
    ann, bob = add_users(2)
    tasks = add_tasks(3)
    changes = [assign(task, ann) for task in tasks]
    changes += [create("new", assignees=[ann, bob]) for _ in range(2)]
    assert send(api, *changes).status_code == 200
    users = [queries.user(one) for one in (ann, bob)]
    assert [user.assignment_count for user in users if user] == [5, 2]
    assert api("DELETE", f"/v1/users/{ann}").status_code == 200
    assert not list(findings())


FAILING: dict[str, tuple[Any, int, str]] = {
    "missing task": (lambda task, user: patch(77, desc="x"), 404, ": task 77 does not exist"),
    "missing task to delete": (lambda task, user: delete(77), 404, ": task 77 does not exist"),
    "missing user": (lambda task, user: assign(task, 77), 404, ": user 77 does not exist"),
    "missing user of a stale task": (
        lambda task, user: assign(task, 77, if_match='"7"'),
        404,
        ": user 77 does not exist",
    ),
    "missing user of a task assigned already": (
        lambda task, user: patch(task, assignees=[88, user, 77]),
        404,
        ": users 77, 88 do not exist",
    ),
    "missing user of a new task": (
        lambda task, user: create("new", assignees=[77]),
        404,
        ": user 77 does not exist",
    ),
    "stale task": (
        lambda task, user: patch(task, desc="x", if_match='"7"'),
        412,
        ".if_match: must have the current version of task 1, which is 1",
    ),
    "stale task to delete": (
        lambda task, user: delete(task, if_match='"7"'),
        412,
        ".if_match: must have the current version of task 1, which is 1",
    ),
    "stale task without a change": (
        lambda task, user: patch(task, if_match='"7"'),
        412,
        ".if_match: must have the current version of task 1, which is 1",
    ),
    "too many new assignees": (
        lambda task, user: create("new", assignees=[*range(1, 50)]),
        400,
        ".task.assignees: must be a list of up to 48 ids of users, each only once",
    ),
}


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
@pytest.mark.parametrize("case", FAILING)
def test_the_error_names_the_operation_and_nothing_changes(
    api: Api, user: int, case: str, keyed: bool
) -> None:
    failing, status, tail = FAILING[case]
    task, other = add_tasks(2, assignees=[user])
    before = everything(api, user)
    headers = {"Idempotency_Key": "a"} if keyed else {}
    operations = (create("first", assignees=[user]), delete(other), failing(task, user))
    found, detail = error(api, *operations, **headers)
    assert (found, detail[: 13 + len(tail)]) == (status, f"operations[2]{tail}")
    assert everything(api, user) == before
    kept = queries.user(user)
    assert kept is not None
    assert kept.assignment_count == 2
    assert send(api, *operations[:2], Idempotency_Key="b").status_code == 200


@pytest.mark.backend("moto")
@pytest.mark.parametrize("if_match", [{}, {"if_match": '"7"'}], ids=["plain", "stale"])
@pytest.mark.parametrize("changes", [True, False], ids=["with changes", "without"])
def test_the_error_of_a_user_being_deleted_names_the_operation(
    api: Api, user: int, changes: bool, if_match: Body
) -> None:
    [gone] = add_users(1)
    task, other = add_tasks(2, assignees=[user, gone])
    mark_as_deleting(gone)
    operations = (create("x") if changes else assign(other, user),)
    detail = f"operations[1]: user {gone} does not exist"
    assert error(api, *operations, assign(task, gone, **if_match)) == (404, detail)
    assert error(api, *operations, assign(task, gone), Idempotency_Key="a") == (404, detail)


def test_in_mode_each_an_error_is_the_result_of_its_operation(api: Api, user: int) -> None:
    task, other = add_tasks(2)
    operations = (assign(task, 77), create("new"), delete(88), patch(other, desc="x"))
    results = send(api, *operations, mode="each", Idempotency_Key="a").json_body
    assert results["detail"] == "2 of 4 operations done"
    problem = {"type": "about:blank", "title": "Not Found", "status": 404, "success": False}
    assert results["results"][0] == {
        "op": "assign",
        "status": 404,
        "id": task,
        "error": {**problem, "detail": "user 77 does not exist"},
    }
    assert [result["status"] for result in results["results"]] == [404, 201, 404, 200]


def test_a_repeat_in_mode_each_does_what_was_not_done(api: Api, user: int) -> None:
    task, other = add_tasks(2)
    operations = (create("new"), patch(task, desc="x", if_match='"2"'), assign(other, user))
    first = send(api, *operations, mode="each", Idempotency_Key="a").json_body
    assert first["detail"] == "2 of 3 operations done"
    assert api("PATCH", f"/v1/tasks/{task}", {"name": "mended"}).headers["ETag"] == '"2"'
    again = send(api, *operations, mode="each", Idempotency_Key="a").json_body
    assert again["detail"] == "3 operations done"
    assert [again["results"][index] == first["results"][index] for index in range(3)] == [
        True,
        False,
        True,
    ]
    assert again["results"][1]["payload"]["desc"] == "x"
    assert len(api("GET", "/v1/tasks").json_body) == 3
    assert not list(findings())


OPERATIONS = (create("one"), create("two"), create("three"))


def send_each(api: Api) -> HTTPResponse:
    return send(api, *OPERATIONS, mode="each", Idempotency_Key="a")


def require_made_once(api: Api, response: HTTPResponse) -> None:
    assert response.status_code == 200, response.body
    assert response.json_body["detail"] == "3 operations done"
    assert [task["name"] for task in api("GET", "/v1/tasks").json_body] == ["three", "two", "one"]
    assert send_each(api).json_body == response.json_body


@pytest.mark.backend("moto")
@pytest.mark.parametrize("call", [1, 2, 4, 9, 10])
def test_a_repeat_in_mode_each_during_the_first_request_is_a_409_without_results(
    api: Api, connection: Connection, call: int
) -> None:
    repeats: list[HTTPResponse] = []
    with inject_fault(connection, lambda _: repeats.append(send_each(api)), at=call):
        first = send_each(api)
    [again] = repeats
    assert (again.status_code, again.headers["Retry-After"]) == (409, "1")
    assert "results" not in again.json_body
    require_made_once(api, first)


class Crash(BaseException):
    """Ends a request as the end of its process would."""


@pytest.mark.backend("moto")
def test_a_repeat_in_mode_each_waits_for_the_operation_of_a_crashed_request(
    api: Api, connection: Connection
) -> None:
    def crash(_: Any) -> None:
        raise Crash

    with pytest.raises(Crash), inject_fault(connection, crash, at=6, lasting=True):
        send_each(api)
    assert send_each(api).status_code == 409
    age_leases(replied=True)  # that of the request; that of the operation may end later
    again = send_each(api)
    assert (again.status_code, again.headers["Retry-After"]) == (409, "1")
    age_leases(replied=False)
    require_made_once(api, send_each(api))


def age_leases(*, replied: bool) -> None:
    for item in IdempotencyModel.scan():
        if (item.reply is not None) == replied:
            age_reply(item, lease=clock.seconds() - 1)


@pytest.mark.backend("moto")
@pytest.mark.parametrize("later", [24 * HOUR - 10, 25 * HOUR])
def test_after_a_day_a_key_in_mode_each_is_new_although_it_was_repeated(
    api: Api, monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    start = clock.seconds()
    operations = (patch(77, desc="x"), create("one"))
    first = send(api, *operations, mode="each", Idempotency_Key="a").json_body
    assert [result["status"] for result in first["results"]] == [404, 201]
    monkeypatch.setattr(time, "time", lambda: start + 23 * HOUR)
    assert send(api, *operations, mode="each", Idempotency_Key="a").json_body == first
    monkeypatch.setattr(time, "time", lambda: start + later)
    again = send(api, create("two"), create("three"), mode="each", Idempotency_Key="a")
    assert (again.status_code, again.json_body["detail"]) == (200, "2 operations done")


@pytest.mark.parametrize(
    "modes", [("all", "all"), ("each", "each"), ("all", "each"), ("each", "all")]
)
def test_a_key_belongs_to_one_body_and_mode(api: Api, user: int, modes: tuple[str, str]) -> None:
    first, second = modes
    other = create("other") if first == second else create("new")
    assert send(api, create("new"), mode=first, Idempotency_Key="a").status_code == 200
    assert error(api, other, mode=second, Idempotency_Key="a")[0] == 422
    assert len(api("GET", "/v1/tasks").json_body) == 1
    assert send(api, create("new"), mode=first, Idempotency_Key="a").status_code == 200
    assert len(api("GET", "/v1/tasks").json_body) == 1


LIST = "operations: must be a list of 1 to 50 operations"
INVALID: list[tuple[Any, str]] = [
    ({}, "operations: required"),
    ({"operations": []}, LIST),
    ({"operations": {}}, LIST),
    ({"operations": [create("x")] * 51}, LIST),
    ([create("x"), 7], "operations[1]: must be a JSON object"),
    ([{"id": 7}], "operations[0].op: required"),
    ([{"op": "move"}], "operations[0].op: must be one of create, patch, delete, assign"),
    ([{"op": "create"}], "operations[0].task: required"),
    ([{"op": "create", "task": {}}], "operations[0].task.name: required"),
    ([create("x"), create(" ")], "operations[1].task.name: must have 1 to 200 characters"),
    ([create("x", status="X")], "operations[0].task.status: must be one of PENDING, IN_PROGRESS"),
    ([create("x", assignees=[1, 1])], "operations[0].task.assignees: must be a list of up to 48"),
    ([create("x", color=1)], "operations[0].task.color: unknown field; allowed are assignees"),
    ([delete(7, task={})], "operations[0].task: unknown field; allowed are id, if_match"),
    ([delete(0)], "operations[0].id: must be an integer from 1 to 9007199254740991"),
    ([assign(1, 0)], "operations[0].user: must be an integer from 1 to 9007199254740991"),
    ([delete(1, if_match="1")], 'operations[0].if_match: must be * or one ETag, such as "3"'),
    ([delete(1, if_match='"1", "2"')], "operations[0].if_match: must be * or one ETag"),
    ([patch(7, id=8)], "operations[0].task.id: must be the id of the operation, 7"),
    (
        [patch(7), create("x"), delete(7)],
        "operations[2].id: must be another task than that of operations[0]",
    ),
]


@pytest.mark.parametrize(("body", "detail"), INVALID)
@pytest.mark.parametrize("mode", ["all", "each"])
@pytest.mark.backend("moto")
def test_an_invalid_operation_is_named_and_nothing_is_done(
    api: Api, body: Any, detail: str, mode: str
) -> None:
    whole = body if isinstance(body, dict) else {"operations": body}
    response = api("POST", f"/v1/tasks/batch?mode={mode}", whole)
    assert (response.status_code, response.json_body["detail"][: len(detail)]) == (400, detail)
    assert api("GET", "/v1/tasks").json_body == []


def test_the_query_has_only_the_mode(api: Api) -> None:
    for query, detail in (
        ("mode=some", "mode: must be one of all, each"),
        ("mode=", "mode: must be one of all, each"),
        ("page_size=1", "page_size: unknown query parameter; allowed are mode"),
    ):
        response = api("POST", f"/v1/tasks/batch?{query}", {"operations": [create("x")]})
        assert (response.status_code, response.json_body["detail"]) == (400, detail)


@pytest.mark.backend("fastest")
def test_a_transaction_has_room_for_100_writes_with_the_record(api: Api) -> None:
    people = add_users(48)
    tasks = add_tasks(2, assignees=people, at_once=1)
    # Two tasks with 48 copies each are 98 writes, and one more task is 99.
    changes: list[Any] = [patch(task, status="DONE") for task in tasks]
    assert send(api, *changes, create("new"), Idempotency_Key="a").status_code == 200
    changes = [*changes, create("new")]
    too_many = "one transaction has room for 100; send fewer operations, or use mode=each"
    assert error(api, *changes, create("new"), Idempotency_Key="b") == (
        400,
        f"operations: need 101 writes, and {too_many}",
    )
    assert send(api, *changes, create("new")).status_code == 200
    changes = [*changes, create("new")]
    assert error(api, *changes, create("new")) == (
        400,
        f"operations: need 101 writes, and {too_many}",
    )
    each = send(api, *changes, create("new"), mode="each")
    assert each.json_body["detail"] == "5 operations done"
    assert not list(findings())


@pytest.mark.backend("moto")
def test_tasks_that_are_too_large_for_one_record_are_refused_before_the_write(api: Api) -> None:
    tasks = add_tasks(50, describe=lambda _: '"' * 10_000, at_once=10)
    for headers in ({}, {"Idempotency_Key": "a"}):
        status, detail = error(api, *(patch(task, status="DONE") for task in tasks), **headers)
        assert (status, detail.partition(";")[0]) == (
            400,
            "operations: the tasks are too large for one transaction",
        )
    assert api("GET", "/v1/tasks?status=DONE").json_body == []
    few = send(api, *(patch(task, status="DONE") for task in tasks[:9]), Idempotency_Key="a")
    assert few.status_code == 200
    assert send(api, *map(delete, tasks)).status_code == 200


@pytest.mark.backend("moto")
def test_deleted_tasks_and_copies_count_for_the_size_of_a_transaction(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_WRITTEN", 11_000)
    people = add_users(2)
    one, two = add_tasks(2, people, describe=lambda _: "x" * 2000)  # 12,000 bytes with the copies
    alone = [patch(task, assignees=[], desc="") for task in (one, two)]
    for operations in ([delete(one), delete(two)], [delete(one), alone[1]], alone):
        status, detail = error(api, *operations)
        assert (status, detail.partition(";")[0]) == (
            400,
            "operations: the tasks are too large for one transaction",
        )
    assert len(api("GET", f"/v1/users/{people[0]}/tasks").json_body) == 2
    assert send(api, delete(one), create("new")).status_code == 200


def test_the_largest_results_fit_into_a_response_of_lambda() -> None:
    """Those of 50 tasks whose every character needs the most bytes."""
    most = MAX_ID - 50
    body = TaskBody.of(
        Task(
            id=MAX_ID,
            name="\N{SEEDLING}" * MAX_NAME,
            desc="\N{SEEDLING}" * MAX_DESC,
            status="IN_PROGRESS",
            created_at=clock.now(),
            updated_at=clock.now_in_seconds(),
            expires_at="2026-01-31",
            assignees=tuple(range(most, most + MAX_ASSIGNEES)),
            version=MAX_ID,
        )
    )
    result = OperationResult(op="create", status=201, id=body.id, etag=body.etag, payload=body)
    whole = BatchBody(detail=f"{MAX_BATCH} operations done", results=[result] * MAX_BATCH)
    assert len(json.dumps(msgspec.json.encode(whole).decode())) < MAX_ENCODED


@pytest.mark.settings(require_if_match="on")
def test_require_if_match_refuses_an_operation_without_it(api: Api) -> None:
    [task] = add_tasks(1)
    for mode in ("all", "each"):
        detail = "operations[1].if_match: required; send the ETag of the version to change"
        assert error(api, create("x"), delete(task), mode=mode) == (428, detail)
    assert send(api, create("x"), delete(task, if_match='"1"')).status_code == 200
