"""/v1/tasks"""

from typing import Any

import msgspec
from chalice.app import Blueprint, Request

from chalicelib import assignments, tasks
from chalicelib.api import pages
from chalicelib.api.endpoint import Answer, endpoint, located
from chalicelib.api.schemas import (
    Done,
    NewTask,
    TaskBody,
    TaskDone,
    TaskListQuery,
    TaskPatch,
    WholeTask,
)
from chalicelib.api.throttling import PAGES

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/tasks", role="reader", throttle=PAGES)
def list_tasks(query: TaskListQuery) -> Answer[list[TaskBody]]:
    return pages.respond("tasks", query, tasks.page, TaskBody.of)


@endpoint(blueprint, "GET", "/tasks/{task_id}", role="reader")
def get_task(task_id: int) -> Answer[TaskBody | None]:
    task = tasks.get(task_id)
    return Answer(TaskBody.of(task) if task else None)


@endpoint(blueprint, "POST", "/tasks", role="editor", status=201)
def create_task(request: Request, body: NewTask) -> Answer[TaskDone]:
    task = tasks.create(**_values(body))
    done = TaskDone(detail=f"task {task.id} created", payload=TaskBody.of(task))
    return Answer(done, located(request, task.id))


@endpoint(blueprint, "PUT", "/tasks/{task_id}", role="editor")
def replace_task(task_id: int, body: WholeTask) -> Answer[TaskDone]:
    task = tasks.edit(task_id, _values(body))
    return Answer(TaskDone(detail=f"task {task_id} updated", payload=TaskBody.of(task)))


@endpoint(blueprint, "PATCH", "/tasks/{task_id}", role="editor")
def patch_task(task_id: int, body: TaskPatch) -> Answer[TaskDone]:
    task = tasks.edit(task_id, _values(body))
    return Answer(TaskDone(detail=f"task {task_id} updated", payload=TaskBody.of(task)))


@endpoint(blueprint, "DELETE", "/tasks/{task_id}", role="editor")
def delete_task(task_id: int) -> Answer[Done]:
    tasks.delete(task_id)
    return Answer(Done(detail=f"task {task_id} deleted"))


@endpoint(blueprint, "PUT", "/tasks/{task_id}/assign/user/{user_id}", role="editor")
def assign_task(task_id: int, user_id: int) -> Answer[Done]:
    changed = assignments.assign(task_id, user_id)
    how = "assigned" if changed else "was already assigned"
    return Answer(Done(detail=f"task {task_id} {how} to user {user_id}"))


@endpoint(blueprint, "PUT", "/tasks/{task_id}/unassign/user/{user_id}", role="editor")
def unassign_task(task_id: int, user_id: int) -> Answer[Done]:
    changed = assignments.unassign(task_id, user_id)
    how = "unassigned" if changed else "was not assigned"
    return Answer(Done(detail=f"task {task_id} {how} {'from' if changed else 'to'} user {user_id}"))


def _values(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that the body sets, dates as text."""
    values: dict[str, Any] = msgspec.to_builtins(body)
    return values
