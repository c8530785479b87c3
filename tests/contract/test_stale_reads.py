"""A write that starts from a task as it was before another write starts again from the new one."""

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.task import TaskUpdate
from chalicelib.dynamodb import queries
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.models import AssignmentModel
from chalicelib.services import optimistic
from chalicelib.services.optimistic import Delete, Edit, TaskChange
from chalicelib.services.write_context import NO_CONTEXT
from tests.conftest import Api
from tests.support.bulk_data import add_tasks

pytestmark = pytest.mark.backend("moto")


@pytest.fixture
def lanes() -> int:
    return 1


@pytest.fixture
def stale(api: Api, user: int) -> StoredTask:
    """The user's task before its name changed."""
    [ident] = add_tasks(1, assignees=[user])
    found = queries.task(ident)
    assert found is not None
    assert api("PATCH", f"/v1/tasks/{ident}", {"name": "mended"}).status_code == 200
    return found


def done(task: StoredTask) -> StoredTask:
    return task.updated(TaskUpdate(status="DONE"))


def edit(task: StoredTask, user_id: int | None = None) -> TaskChange:
    return optimistic.commit_one(Edit(task, done, NO_CONTEXT, user_id), NO_CONTEXT)


def delete(task: StoredTask) -> None:
    optimistic.commit_one(Delete(task, NO_CONTEXT), NO_CONTEXT)


def test_an_update_keeps_what_the_other_write_changed(api: Api, stale: StoredTask) -> None:
    result = edit(stale)
    assert (result.changed, result.task.name, result.task.status) == (True, "mended", "DONE")
    assert result.task.version == stale.version + 2
    body = api("GET", f"/v1/tasks/{stale.id}").json_body
    assert (body["name"], body["status"]) == ("mended", "DONE")


def test_a_delete_removes_the_changed_task_and_its_copies(api: Api, stale: StoredTask) -> None:
    delete(stale)
    assert api("GET", f"/v1/tasks/{stale.id}").json_body is None
    assert list(AssignmentModel.scan()) == []


def test_a_write_of_a_deleted_task_finds_none(api: Api, stale: StoredTask) -> None:
    assert api("DELETE", f"/v1/tasks/{stale.id}").status_code == 200
    with pytest.raises(NotFound, match=f"task {stale.id} does not exist"):
        edit(stale)
    with pytest.raises(NotFound, match=f"task {stale.id} does not exist"):
        delete(stale)


def test_a_write_for_a_deleted_user_names_the_user(stale: StoredTask) -> None:
    with pytest.raises(NotFound, match="user 77 does not exist"):
        edit(stale, 77)
