"""The keys of the indexes follow the fields of a task, in each write and in the right lane."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from billet.integrity import findings
from chalicelib.domain.task import TaskUpdate
from chalicelib.dynamodb import queries, task_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.index_keys import due_key, status_lane
from chalicelib.dynamodb.models import AssignmentModel, TaskModel
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api, Bind
from tests.support.bulk_data import add_tasks, add_users
from tests.support.pages import ids, pages
from tests.support.tables import set_contracted

pytestmark = pytest.mark.backend("moto")

Attributes = dict[str, Any]


@pytest.fixture
def lanes() -> int:
    return 1


def stored(task: int) -> Attributes:
    """The attributes of the task's item."""
    [found] = (item.attribute_values for item in TaskModel.scan() if item.id == task)
    return dict(found)


@pytest.mark.parametrize("assigned", [False, True], ids=["nobody's", "somebody's"])
@pytest.mark.parametrize("deadline", ["2030-01-02", None])
def test_a_patch_of_the_deadline_moves_the_task_in_each_list_by_deadline(
    api: Api, user: int, assigned: bool, deadline: str | None
) -> None:
    owners = [user] if assigned else []
    [first] = add_tasks(1, assignees=owners, expires_at="2030-01-01")
    [last] = add_tasks(1, assignees=owners, expires_at="2030-01-03")
    to = f"/v1/tasks/{last}", f"/v1/tasks/{first}"
    assert api("PATCH", to[0], {"expires_at": "2029-12-31"}).status_code == 200
    assert api("PATCH", to[1], {"expires_at": deadline}).status_code == 200
    for path in ("/v1/tasks", f"/v1/users/{user}/tasks") if assigned else ("/v1/tasks",):
        for query in ("?sort=expires_at", "?sort=expires_at&status=PENDING"):
            found = api("GET", path + query).json_body
            assert [task["id"] for task in found] == [last, first], path + query
    assert stored(first)["due_key"] == due_key(deadline, first)
    for copy in AssignmentModel.scan():
        assert copy.due_key == stored(int(copy.id))["due_key"]
        assert copy.status_due_key == f"PENDING#{copy.due_key}"


@pytest.mark.parametrize(("contracted", "day"), [(2, "9999-12-31"), (3, "9999-12-30~")])
def test_the_last_day_has_the_key_of_the_first_release_until_contract_begins(
    api: Api, user: int, contracted: int, day: str
) -> None:
    """Its servers skip tasks with another key in lists, and refuse cursors with one."""
    set_contracted(contracted)
    [created] = add_tasks(1, assignees=[user], expires_at="9999-12-31")
    [changed] = add_tasks(1)
    to = f"/v1/tasks/{changed}"
    assert api("PATCH", to, {"expires_at": "9999-12-31"}).status_code == 200
    assert [stored(one)["due_key"][:-17] for one in (created, changed)] == [day, day]
    assert list(findings()) == []


def test_a_status_changes_in_the_lane_that_the_task_is_in(bind: Bind, api: Api) -> None:
    # With 5 lanes a new task with the id 7 would be in lane 2, and not in lane 1 of 2.
    bind(2)
    task = max(add_tasks(7))
    before = stored(task)
    bind(5)
    add_tasks(5)
    path = f"/v1/tasks/{task}"
    headers: dict[str, str] = {}
    for status in ("DONE", "CANCELLED"):
        assert api("PATCH", path, {"status": status}, **headers).status_code == 200
        now = stored(task)
        assert (now["lane"], now["status"]) == (before["lane"], status)
        assert now["status_lane"] == status_lane(status, before["lane"])
        headers = {"Idempotency_Key": "a"}  # with which the task is read first


def unassigned(api: Api, query: str = "") -> list[int]:
    response = api("GET", f"/v1/tasks?unassigned=true{query}")
    assert response.status_code == 200, response.body
    return ids(response.json_body)


def test_each_write_keeps_a_task_in_the_list_of_unassigned_tasks_while_it_has_no_assignee(
    api: Api, user: int
) -> None:
    [task] = add_tasks(1)
    path, keyed = f"/v1/tasks/{task}", {"Idempotency_Key": "a"}

    def send(method: str, to: str, *body: dict[str, str], **headers: str) -> str | None:
        assert api(method, to, *body, **headers).status_code == 200
        assert list(findings()) == []
        key: str | None = stored(task).get("unassigned_lane")
        assert (unassigned(api) == [task]) is (key is not None)
        return key

    assert stored(task)["unassigned_lane"] == "PENDING#0"
    assert send("PATCH", path, {"status": "DONE"}) == "DONE#0"
    assert send("PATCH", path, {"name": "b"}) == "DONE#0"
    assert send("PATCH", path, {"status": "PENDING"}, **keyed) == "PENDING#0"
    assert send("PUT", f"{path}/assign/user/{user}") is None
    assert send("PATCH", path, {"status": "DONE"}) is None
    assert send("PUT", f"{path}/unassign/user/{user}") == "DONE#0"
    assert send("PUT", f"{path}/assign/user/{user}") is None
    assert send("DELETE", f"/v1/users/{user}") == "DONE#0"
    assert unassigned(api, "&status=DONE,PENDING") == [task]
    assert unassigned(api, "&status=PENDING") == []


def test_a_task_is_unassigned_in_the_lane_that_it_is_in(bind: Bind, api: Api) -> None:
    bind(2)
    [first, other] = add_users(2)
    made = add_tasks(7, assignees=[first]) + add_tasks(3, assignees=[first, other])
    lanes = {ident: stored(ident)["lane"] for ident in made}
    bind(5)
    add_tasks(5)
    assert api("PUT", f"/v1/tasks/{made[0]}/unassign/user/{first}").status_code == 200
    assert api("DELETE", f"/v1/users/{first}").status_code == 200
    assert list(findings()) == []
    assert {*made[:7]} <= {*unassigned(api)}
    assert {ident: stored(ident)["lane"] for ident in made} == lanes


def test_a_list_of_unassigned_tasks_leaves_out_what_an_earlier_release_has_changed(
    api: Api, user: int
) -> None:
    """It does not change the key, so that of a task that it has assigned or finished is stale."""
    [assigned, finished, free] = add_tasks(3)
    change = Transaction()
    change.update(TaskModel(assigned), [TaskModel.assignees.set({user})])
    moved = [TaskModel.status.set("DONE"), TaskModel.status_lane.set("DONE#0")]
    change.update(TaskModel(finished), moved)
    change.commit()
    assert unassigned(api) == [finished, free]
    assert unassigned(api, "&status=PENDING") == [free]
    found = list(pages(api, "/v1/tasks", "?unassigned=true&status=PENDING&page_size=1"))
    assert [ids(page) for page in found] == [[], [], [free]]


def update_as_read(task: StoredTask, after: StoredTask) -> None:
    change = Transaction()
    task_writes.update_task(change, task, after)
    change.commit()


def update_unread(task: StoredTask, after: StoredTask) -> None:
    change = Transaction()
    task_writes.update_unassigned_task(change, task.id, TaskUpdate(status=after.status), None)
    change.commit()


@pytest.mark.parametrize("update", [update_as_read, update_unread])
@pytest.mark.parametrize("seen", [None, 0])
def test_a_status_changes_only_if_the_lane_is_the_expected_one(
    api: Api, update: Callable[[StoredTask, StoredTask], None], seen: int | None
) -> None:
    [ident] = add_tasks(1)
    move = Transaction()
    move.update(TaskModel(ident), [TaskModel.lane.set(1), TaskModel.status_lane.set("PENDING#1")])
    move.commit()
    found = queries.task(ident)
    assert found is not None
    before = msgspec.structs.replace(found, lane=seen)
    after = msgspec.structs.replace(before, status="DONE", version=before.version + 1)
    item = stored(ident)
    with pytest.raises(ConditionFailed):
        update(before, after)
    assert stored(ident) == item
    assert api("PATCH", f"/v1/tasks/{ident}", {"status": "DONE"}).status_code == 200
    assert (stored(ident)["lane"], stored(ident)["status_lane"]) == (1, "DONE#1")
