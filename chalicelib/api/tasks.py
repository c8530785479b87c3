"""/v1/tasks"""

from typing import Any

import msgspec
from chalice.app import Blueprint, Request, Response

from chalicelib import assignments, tasks
from chalicelib.api import pages
from chalicelib.api.endpoint import answer, created, endpoint
from chalicelib.api.schemas import (
    Done,
    NewTask,
    TaskBody,
    TaskDone,
    TaskListQuery,
    TaskPatch,
    WholeTask,
)

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/tasks")
def list_tasks(query: TaskListQuery) -> Response:
    return pages.respond("tasks", query, tasks.page, TaskBody.of)


@endpoint(blueprint, "GET", "/tasks/{task_id}")
def get_task(task_id: int) -> Response:
    task = tasks.get(task_id)
    return answer(TaskBody.of(task) if task else None)


@endpoint(blueprint, "POST", "/tasks")
def create_task(request: Request, body: NewTask) -> Response:
    task = tasks.create(**_values(body))
    done = TaskDone(detail=f"task {task.id} created", payload=TaskBody.of(task))
    return created(request, task.id, done)


@endpoint(blueprint, "PUT", "/tasks/{task_id}")
def replace_task(task_id: int, body: WholeTask) -> Response:
    task = tasks.edit(task_id, _values(body))
    return answer(TaskDone(detail=f"task {task_id} updated", payload=TaskBody.of(task)))


@endpoint(blueprint, "PATCH", "/tasks/{task_id}")
def patch_task(task_id: int, body: TaskPatch) -> Response:
    task = tasks.edit(task_id, _values(body))
    return answer(TaskDone(detail=f"task {task_id} updated", payload=TaskBody.of(task)))


@endpoint(blueprint, "DELETE", "/tasks/{task_id}")
def delete_task(task_id: int) -> Response:
    tasks.delete(task_id)
    return answer(Done(detail=f"task {task_id} deleted"))


@endpoint(blueprint, "PUT", "/tasks/{task_id}/assign/user/{user_id}")
def assign_task(task_id: int, user_id: int) -> Response:
    changed = assignments.assign(task_id, user_id)
    how = "assigned" if changed else "was already assigned"
    return answer(Done(detail=f"task {task_id} {how} to user {user_id}"))


@endpoint(blueprint, "PUT", "/tasks/{task_id}/unassign/user/{user_id}")
def unassign_task(task_id: int, user_id: int) -> Response:
    changed = assignments.unassign(task_id, user_id)
    how = "unassigned" if changed else "was not assigned"
    return answer(Done(detail=f"task {task_id} {how} {'from' if changed else 'to'} user {user_id}"))


def _values(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that the body sets, dates as text."""
    values: dict[str, Any] = msgspec.to_builtins(body)
    return values
