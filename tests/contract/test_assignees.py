"""Assignees as a field of a task: POST, PUT and PATCH set them."""

from collections.abc import Sequence
from typing import Any

import pytest

from billet.integrity import findings
from chalicelib.dynamodb import queries
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users, mark_as_deleting

TASK = {"name": "plan", "desc": "", "status": "DONE"}
WRITES: list[tuple[str, dict[str, str]]] = [("PUT", TASK), ("PATCH", {})]
MOST = 48
"""How many assignees one request may add and remove."""


@pytest.fixture
def lanes() -> int:
    """Assignees do not depend on lanes."""
    return 1


def set_assignees(api: Api, task: int, users: Sequence[int], **headers: str) -> tuple[int, str]:
    response = api("PATCH", f"/v1/tasks/{task}", {"assignees": [*users]}, **headers)
    return response.status_code, response.json_body["detail"]


def assert_assigned(api: Api, task: int, assigned: Sequence[int], others: Sequence[int]) -> None:
    """Assert that the task is in the lists of these users, with the same body, and nowhere else."""
    body = api("GET", f"/v1/tasks/{task}").json_body
    assert body["assignees"] == sorted(assigned)
    for user in assigned:
        assert api("GET", f"/v1/users/{user}/tasks").json_body == [body]
    for user in others:
        assert api("GET", f"/v1/users/{user}/tasks").json_body == []
    assert not list(findings())


def assignment_count(user_id: int) -> int:
    user = queries.user(user_id)
    assert user is not None
    return user.assignment_count


def test_a_task_is_created_with_its_assignees(api: Api) -> None:
    [ann, bob, eve] = add_users(3)
    created = api("POST", "/v1/tasks", {"name": "plan", "assignees": [eve, ann]})
    assert created.status_code == 201
    payload = created.json_body["payload"]
    assert payload == api("GET", created.headers["Location"]).json_body
    assert_assigned(api, payload["id"], [ann, eve], [bob])
    assert [assignment_count(user) for user in (ann, bob, eve)] == [1, 0, 1]


@pytest.mark.backend("fastest")
@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
@pytest.mark.parametrize(("method", "fields"), WRITES)
def test_put_and_patch_set_the_assignees_in_one_version(
    api: Api, method: str, fields: dict[str, str], keyed: bool
) -> None:
    people = add_users(4)
    [task] = add_tasks(1, assignees=people[:2])
    path = f"/v1/tasks/{task}"
    for number, users in enumerate((people[1:], [], people[:1], people[:1], people[::-1]), start=2):
        headers = {"Idempotency_Key": f"key-{number}"} if keyed else {}
        body = {**fields, "assignees": users}
        response = api(method, path, body, **headers)
        assert response.status_code == 200, response.body
        assert response.headers["ETag"] == f'"{number}"'
        assert response.json_body["payload"] == api("GET", path).json_body
        assert not keyed or api(method, path, body, **headers).body == response.body
        assert_assigned(api, task, users, [one for one in people if one not in users])
    assert [assignment_count(user) for user in people] == [2, 2, 2, 2]


@pytest.mark.parametrize(("method", "fields"), WRITES)
def test_a_write_without_assignees_leaves_them(
    api: Api, user: int, method: str, fields: dict[str, str]
) -> None:
    [task] = add_tasks(1, assignees=[user])
    assert api(method, f"/v1/tasks/{task}", {"desc": "", **fields}).status_code == 200
    assert_assigned(api, task, [user], [])


def test_put_of_what_get_gave_changes_nothing_but_the_version(api: Api, user: int) -> None:
    [task] = add_tasks(1, assignees=[user], expires_at="2030-01-01")
    got = api("GET", f"/v1/tasks/{task}").json_body
    put = api("PUT", f"/v1/tasks/{task}", got, If_Match=got["etag"])
    version = {name: put.json_body["payload"][name] for name in ("updated_at", "etag")}
    assert put.json_body["payload"] == got | version
    assert_assigned(api, task, [user], [])


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
def test_each_user_who_does_not_exist_is_named_and_nothing_changes(
    api: Api, user: int, keyed: bool
) -> None:
    [task] = add_tasks(1, assignees=[user])
    headers = {"Idempotency_Key": "a"} if keyed else {}
    before = api("GET", f"/v1/tasks/{task}").body
    for unknown, detail in (
        ([77], "user 77 does not exist"),
        ([99, 77, 88], "users 77, 88, 99 do not exist"),
    ):
        assert set_assignees(api, task, [*unknown, user], **headers) == (404, detail)
        new = api("POST", "/v1/tasks", {"name": "new", "assignees": [user, *unknown]}, **headers)
        assert (new.status_code, new.json_body["detail"]) == (404, detail)
    assert api("GET", f"/v1/tasks/{task}").body == before
    assert_assigned(api, task, [user], [])
    assert assignment_count(user) == 1
    missing = api("PATCH", "/v1/tasks/77", {"assignees": [user]}, **headers)
    assert missing.json_body["detail"] == "task 77 does not exist"


def test_a_user_being_deleted_can_not_be_assigned_nor_kept(api: Api) -> None:
    [ann, bob] = add_users(2)
    [task] = add_tasks(1, assignees=[ann, bob])
    [other] = add_tasks(1)
    mark_as_deleting(ann)
    detail = f"user {ann} does not exist"
    for one in (task, other):
        assert set_assignees(api, one, [ann, bob]) == (404, detail)
    new = api("POST", "/v1/tasks", {"name": "new", "assignees": [ann]})
    assert (new.status_code, new.json_body["detail"]) == (404, detail)
    assert set_assignees(api, task, [bob])[0] == 200
    stored = queries.task(task)
    assert stored is not None
    assert stored.assignees == (bob,)
    assert api("DELETE", f"/v1/users/{ann}").status_code == 200
    assert_assigned(api, task, [bob], [])


@pytest.mark.backend("fastest")
def test_one_request_adds_and_removes_at_most_48_users(api: Api) -> None:
    people = add_users(50 + MOST)
    task = api("POST", "/v1/tasks", {"name": "plan", "assignees": people[:MOST]}).json_body
    ident = task["payload"]["id"]
    full = people[:50]
    assert set_assignees(api, ident, full)[0] == 200
    # The largest transaction: the task, the record, 24 new, 24 removed and 26 kept assignees.
    half = MOST // 2
    swapped = people[half : 50 + half]
    assert set_assignees(api, ident, swapped, Idempotency_Key="a")[0] == 200
    assert_assigned(api, ident, swapped, [*people[:half], *people[50 + half :]])
    at_most = f"assignees: must add and remove at most {MOST} users at once; these are"
    for users, count in ((people[half + 25 :], 49 - 24 + 23), ([], 50)):
        status, detail = set_assignees(api, ident, users[:50])
        if count > MOST:
            assert (status, detail) == (400, f"{at_most} {count}; use several requests")
    new = api("POST", "/v1/tasks", {"name": "new", "assignees": people[:49]})
    must = f"must be a list of up to {MOST} ids of users, each only once"
    assert (new.status_code, new.json_body["detail"]) == (400, f"assignees: {must}")
    assert len(api("GET", "/v1/tasks").json_body) == 1


@pytest.mark.parametrize(
    "users", [[1, 1], [*range(1, 52)], [0], [2**53], ["1"], [1.5], [None], "1", None, {"1": 1}]
)
def test_assignees_must_be_a_list_of_different_ids(api: Api, user: int, users: Any) -> None:
    [task] = add_tasks(1)
    for method, path, fields, most in (
        ("POST", "/v1/tasks", {"name": "plan"}, MOST),
        ("PUT", f"/v1/tasks/{task}", TASK, 50),
        ("PATCH", f"/v1/tasks/{task}", {}, 50),
    ):
        response = api(method, path, {**fields, "assignees": users})
        detail = f"assignees: must be a list of up to {most} ids of users, each only once"
        assert (response.status_code, response.json_body["detail"]) == (400, detail)


def test_a_stale_etag_comes_before_the_assignees(api: Api, user: int) -> None:
    [task] = add_tasks(1)
    assert set_assignees(api, task, [user], If_Match='"7"')[0] == 412
    assert set_assignees(api, task, [user], If_Match='"1"')[0] == 200
    assert_assigned(api, task, [user], [])
