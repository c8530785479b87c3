"""Assigning tasks to users, and a user's list."""

import pytest

from chalicelib.storage import reads
from chalicelib.storage.changes import Change
from tests.conftest import Api
from tests.filling import add_tasks, add_users


def listed(api: Api, user: int) -> list[int]:
    return [task["id"] for task in api("GET", f"/v1/users/{user}/tasks").json_body]


def assignees(api: Api, task: int) -> list[int]:
    found: list[int] = api("GET", f"/v1/tasks/{task}").json_body["assignees"]
    return found


def test_assigning_and_unassigning_succeed_again_and_say_so(api: Api, task: int, user: int) -> None:
    def change(verb: str) -> str:
        answer = api("PUT", f"/v1/tasks/{task}/{verb}/user/{user}")
        assert answer.status_code == 200
        assert answer.json_body["success"] is True
        detail: str = answer.json_body["detail"]
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
def test_a_missing_user_is_told_and_changes_nothing(api: Api, task: int, verb: str) -> None:
    answer = api("PUT", f"/v1/tasks/{task}/{verb}/user/7")
    assert answer.status_code == 404
    assert answer.json_body["detail"] == "user 7 does not exist"
    assert assignees(api, task) == []


def test_a_task_takes_fifty_users_and_no_more(api: Api) -> None:
    *users, fiftieth, another = add_users(51)
    [task] = add_tasks(1, assignees=users)
    assert api("PUT", f"/v1/tasks/{task}/assign/user/{fiftieth}").status_code == 200
    refused = api("PUT", f"/v1/tasks/{task}/assign/user/{another}")
    assert refused.status_code == 409
    detail = f"task {task} has 50 assignees already, the most a task may have"
    assert refused.json_body["detail"] == detail
    api("PATCH", f"/v1/tasks/{task}", {"status": "DONE"})
    [copy] = api("GET", f"/v1/users/{users[0]}/tasks").json_body
    assert (copy["status"], copy["assignees"]) == ("DONE", [*users, fiftieth])
    assert api("PUT", f"/v1/tasks/{task}/unassign/user/{users[3]}").status_code == 200
    assert api("PUT", f"/v1/tasks/{task}/assign/user/{another}").status_code == 200


def begin_deleting(user: int) -> None:
    """Leaves the user as a crash in the midst of a large delete does."""
    found = reads.user(user)
    assert found
    change = Change()
    change.user_going(found)
    change.commit()


def test_a_user_who_is_being_deleted_is_gone_for_everybody(api: Api, task: int, user: int) -> None:
    api("PUT", f"/v1/tasks/{task}/assign/user/{user}")
    begin_deleting(user)
    assert api("GET", f"/v1/users/{user}").json_body is None
    assert api("GET", "/v1/users").json_body == []
    other = api("POST", "/v1/tasks", {"name": "mend"}).json_body["payload"]["id"]
    assert api("PUT", f"/v1/tasks/{other}/assign/user/{user}").status_code == 404
    assert api("POST", "/v1/users", {"username": "ada"}).status_code == 409
    assert api("DELETE", f"/v1/users/{user}").status_code == 200
    assert assignees(api, task) == []
    assert api("POST", "/v1/users", {"username": "ada"}).status_code == 201
