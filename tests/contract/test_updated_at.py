"""The time of a task's last change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.dynamodb import queries
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users

LONG_AGO = "2020-01-01T00:00:00Z"
TASK = {"name": "plan", "desc": "", "status": "DONE"}
CHANGES: dict[str, tuple[Any, ...]] = {
    "PUT": ("PUT", "/v1/tasks/{task}", TASK),
    "PATCH": ("PATCH", "/v1/tasks/{task}", {"name": "plan"}),
    "assign": ("PUT", "/v1/tasks/{task}/assign/user/{other}"),
    "unassign": ("PUT", "/v1/tasks/{task}/unassign/user/{user}"),
    "delete of an assignee": ("DELETE", "/v1/users/{user}"),
}
NO_CHANGES: dict[str, tuple[Any, ...]] = {
    "PATCH without a field": ("PATCH", "/v1/tasks/{task}", {}),
    "assign again": ("PUT", "/v1/tasks/{task}/assign/user/{user}"),
    "unassign another": ("PUT", "/v1/tasks/{task}/unassign/user/{other}"),
}


@pytest.fixture
def lanes() -> int:
    """The time does not depend on lanes."""
    return 1


def send(api: Api, change: tuple[Any, ...], task: int, user: int, other: int) -> None:
    method, path, *body = change
    response = api(method, path.format(task=task, user=user, other=other), *body)
    assert response.status_code == 200, response.body


def shown(api: Api, task: int) -> str:
    """Return the task's time, which the lists show as well."""
    body = api("GET", f"/v1/tasks/{task}").json_body
    paths = ["/v1/tasks", *(f"/v1/users/{user_id}/tasks" for user_id in body["assignees"])]
    assert [api("GET", path).json_body for path in paths] == [[body]] * len(paths)
    text: str = body["updated_at"]
    return text


def add_old_task(assignees: list[int]) -> int:
    """Create a task that was last changed long ago."""
    [task] = add_tasks(1, assignees=assignees, updated_at=LONG_AGO)
    return task


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
@pytest.mark.parametrize("change", CHANGES)
def test_each_change_of_a_task_sets_the_time(api: Api, user: int, change: str, keyed: bool) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    [other] = add_users(1)
    task = add_old_task([user])
    headers = {"Idempotency_Key": "a"} if keyed else {}
    send(lambda *request: api(*request, **headers), CHANGES[change], task, user, other)
    moment = datetime.fromisoformat(shown(api, task))
    assert begun <= moment <= datetime.now(UTC)
    assert moment.microsecond == 0


@pytest.mark.parametrize("change", [one for one in CHANGES if one.startswith("P")])
def test_each_change_of_an_unassigned_task_sets_the_time(api: Api, user: int, change: str) -> None:
    task = add_old_task([])
    send(api, CHANGES[change], task, user, user)
    assert shown(api, task) > LONG_AGO


@pytest.mark.parametrize("change", NO_CHANGES)
def test_a_request_that_changes_nothing_does_not_set_the_time(
    api: Api, user: int, change: str
) -> None:
    [other] = add_users(1)
    task = add_old_task([user])
    send(api, NO_CHANGES[change], task, user, other)
    assert shown(api, task) == LONG_AGO


def test_a_task_without_a_time_has_that_of_its_creation(api: Api) -> None:
    task = api("POST", "/v1/tasks", {"name": "plan"}).json_body["payload"]
    stored = queries.task(task["id"])
    assert stored is not None
    assert stored.updated_at is None
    assert task["updated_at"] == shown(api, task["id"]) == f"{stored.created_at[:19]}Z"


def test_each_list_has_the_etag_that_if_match_takes(api: Api, user: int) -> None:
    add_tasks(2, assignees=[user])
    for path in ("/v1/tasks", f"/v1/users/{user}/tasks"):
        for task in api("GET", path).json_body:
            one = f"/v1/tasks/{task['id']}"
            assert api("GET", one).headers["ETag"] == task["etag"]
            changed = api("PATCH", one, {"status": "DONE"}, If_Match=task["etag"])
            assert changed.headers["ETag"] == changed.json_body["payload"]["etag"] != task["etag"]
