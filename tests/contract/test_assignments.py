"""Assigning tasks to users, and a user's list."""

import re
from itertools import product

import pytest

from billet.integrity import findings
from chalicelib.dynamodb import shared_state, user_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.models import UsernameModel
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users, mark_as_deleting


def listed(api: Api, user: int) -> list[int]:
    return [task["id"] for task in api("GET", f"/v1/users/{user}/tasks").json_body]


def assignees(api: Api, task: int) -> list[int]:
    found: list[int] = api("GET", f"/v1/tasks/{task}").json_body["assignees"]
    return found


def test_repeated_assign_and_unassign_succeed(api: Api, task: int, user: int) -> None:
    def change(verb: str) -> str:
        response = api("PUT", f"/v1/tasks/{task}/{verb}/user/{user}")
        assert response.status_code == 200
        assert response.json_body["success"] is True
        detail: str = response.json_body["detail"]
        return detail

    assert change("unassign") == f"task {task} was not assigned to user {user}"
    assert change("assign") == f"task {task} assigned to user {user}"
    assert change("assign") == f"task {task} was already assigned to user {user}"
    assert (assignees(api, task), listed(api, user)) == ([user], [task])
    assert change("unassign") == f"task {task} unassigned from user {user}"
    assert change("unassign") == f"task {task} was not assigned to user {user}"
    assert (assignees(api, task), listed(api, user)) == ([], [])


def test_a_task_has_many_users_and_a_user_many_tasks(api: Api) -> None:
    users = [
        api("POST", "/v1/users", {"username": name}).json_body["id"] for name in ("ada", "eve")
    ]
    tasks = [
        api("POST", "/v1/tasks", {"name": name}).json_body["payload"]["id"] for name in ("a", "b")
    ]
    for user in reversed(users):
        for task in tasks:
            api("PUT", f"/v1/tasks/{task}/assign/user/{user}")
    assert [assignees(api, task) for task in tasks] == [sorted(users)] * 2
    assert [listed(api, user) for user in users] == [tasks[::-1]] * 2
    api("DELETE", f"/v1/tasks/{tasks[0]}")
    assert [listed(api, user) for user in users] == [tasks[1:]] * 2


@pytest.mark.parametrize("verb", ["assign", "unassign"])
def test_a_missing_user_is_reported_and_changes_nothing(api: Api, task: int, verb: str) -> None:
    response = api("PUT", f"/v1/tasks/{task}/{verb}/user/7")
    assert response.status_code == 404
    assert response.json_body["detail"] == "user 7 does not exist"
    assert assignees(api, task) == []


def test_a_task_has_at_most_fifty_users(api: Api) -> None:
    *users, fiftieth, another = add_users(51)
    [task] = add_tasks(1, assignees=users)
    assert api("PUT", f"/v1/tasks/{task}/assign/user/{fiftieth}").status_code == 200
    refused = api("PUT", f"/v1/tasks/{task}/assign/user/{another}")
    assert refused.status_code == 409
    detail = f"assignees: task {task} already has 50, the maximum"
    assert refused.json_body["detail"] == detail
    api("PATCH", f"/v1/tasks/{task}", {"status": "DONE"})
    [copy] = api("GET", f"/v1/users/{users[0]}/tasks").json_body
    assert (copy["status"], copy["assignees"]) == ("DONE", [*users, fiftieth])
    assert api("PUT", f"/v1/tasks/{task}/unassign/user/{users[3]}").status_code == 200
    assert api("PUT", f"/v1/tasks/{task}/assign/user/{another}").status_code == 200


FORMS = ("", "?sort=expires_at", "?status=PENDING", "?status=DONE", "?order=asc&offset=1")


def test_a_user_being_deleted_does_not_exist_for_any_request(
    api: Api, task: int, user: int
) -> None:
    [other] = add_users(1)
    for one in (user, other):
        api("PUT", f"/v1/tasks/{task}/assign/user/{one}")
    cursor = cursor_in_the_list_of(api, user)
    mark_as_deleting(user)
    assert api("GET", f"/v1/users/{user}").json_body is None
    assert [one["id"] for one in api("GET", "/v1/users").json_body] == [other]
    for form in (*FORMS, f"?cursor={cursor}"):
        assert api("GET", f"/v1/users/{user}/tasks{form}").status_code == 404, form
    free = api("POST", "/v1/tasks", {"name": "edit"}).json_body["payload"]["id"]
    for verb, one in product(("assign", "unassign"), (task, free)):
        assert api("PUT", f"/v1/tasks/{one}/{verb}/user/{user}").status_code == 404
    assert api("POST", "/v1/users", {"username": "ada"}).status_code == 409
    assert api("DELETE", f"/v1/users/{user}").status_code == 200
    assert assignees(api, task) == [other]
    assert api("POST", "/v1/users", {"username": "ada"}).status_code == 201
    assert shared_state.read().deleting_users == frozenset()


def cursor_in_the_list_of(api: Api, user: int) -> str:
    """Assign two more tasks to the user and return the cursor of the first page."""
    add_tasks(2, assignees=[user])
    link = api("GET", f"/v1/users/{user}/tasks?page_size=1").headers["Link"]
    [cursor] = re.findall("cursor=([^&>]+)", link)
    return str(cursor)


def test_no_task_shows_a_user_being_deleted(api: Api, task: int, user: int) -> None:
    [other] = add_users(1)
    for one in (user, other):
        api("PUT", f"/v1/tasks/{task}/assign/user/{one}")
    named = api("GET", f"/v1/tasks/{task}")
    assert named.json_body["assignees"] == sorted((user, other))
    mark_as_deleting(user)
    hidden = api("GET", f"/v1/tasks/{task}")
    wanted = named.json_body | {"assignees": [other], "etag": '"3-1"'}
    assert hidden.json_body == wanted
    assert hidden.headers["ETag"] != named.headers["ETag"]
    for path in ("/v1/tasks", f"/v1/users/{other}/tasks"):
        for form in ("", "?sort=expires_at", "?status=PENDING", "?status=PENDING&sort=expires_at"):
            assert api("GET", path + form).json_body == [wanted]
    known = api("GET", f"/v1/tasks/{task}", If_None_Match=hidden.headers["ETag"])
    assert known.status_code == 304
    keyed: list[dict[str, str]] = [{}, {"Idempotency_Key": "a"}]
    for key in keyed:
        tag = api("GET", f"/v1/tasks/{task}").headers["ETag"]
        edited = api("PATCH", f"/v1/tasks/{task}", {"desc": "x"}, If_Match=tag, **key)
        payload = edited.json_body["payload"]
        version = {name: payload[name] for name in ("updated_at", "etag")}
        assert payload == wanted | {"desc": "x"} | version
    assert [finding.text for finding in findings()] == [f'users {{"id": {user}}}: is half deleted']


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("verb", ["assign", "unassign"])
def test_the_etag_of_an_assignment_is_that_of_the_task_without_the_hidden_assignees(
    api: Api, task: int, user: int, verb: str, times: int, keyed: bool
) -> None:
    [other] = add_users(1)
    api("PUT", f"/v1/tasks/{task}/assign/user/{user}")
    mark_as_deleting(user)
    for number in range(times):
        key = {"Idempotency_Key": f"key-{number}"} if keyed else {}
        changed = api("PUT", f"/v1/tasks/{task}/{verb}/user/{other}", **key)
    assert changed.headers["ETag"] == api("GET", f"/v1/tasks/{task}").headers["ETag"]
    assert changed.headers["ETag"].endswith('-1"')


def test_a_condition_without_another_operation_is_checked(user: int) -> None:
    met = Transaction()
    user_writes.require_user(met, user)
    met.commit()
    failing = Transaction()
    position = user_writes.require_user(failing, user + 1000)
    with pytest.raises(ConditionFailed) as failed:
        failing.commit()
    assert failed.value.found == {position: None}


def test_a_delete_leaves_the_claim_of_another_user_alone(api: Api, user: int) -> None:
    [other] = add_users(1)
    change = Transaction()
    change.put(UsernameModel("ada", user_id=other), UsernameModel.name.exists())
    change.commit()
    assert api("DELETE", f"/v1/users/{user}").status_code == 200
    assert api("GET", f"/v1/users/{user}").json_body is None
    assert [
        reservation.user_id for reservation in UsernameModel.scan() if reservation.name == "ada"
    ] == [other]


def test_a_delete_succeeds_if_the_claim_is_missing(api: Api, user: int) -> None:
    change = Transaction()
    change.delete(UsernameModel("ada"))
    change.commit()
    assert api("DELETE", f"/v1/users/{user}").status_code == 200
    assert [finding.text for finding in findings()] == []
