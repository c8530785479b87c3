"""/v1/tasks"""

from typing import Any

import msgspec
from chalice.app import Blueprint, Request

from chalicelib import assignments, tasks
from chalicelib.api import pages
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import endpoint, located
from chalicelib.api.idempotency import Write
from chalicelib.api.preconditions import tagged
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
from chalicelib.storage.records import Task
from chalicelib.transition import Outcome

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/tasks", role="reader", throttle=PAGES)
def list_tasks(query: TaskListQuery) -> Answer[list[TaskBody]]:
    return pages.respond("tasks", query, tasks.page, TaskBody.of)


@endpoint(blueprint, "GET", "/tasks/{task_id}", role="reader")
def get_task(task_id: int) -> Answer[TaskBody | None]:
    task = tasks.get(task_id)
    return Answer(TaskBody.of(task), tagged(task.version, task.hidden)) if task else Answer(None)


@endpoint(blueprint, "POST", "/tasks", role="editor", status=201)
def create_task(request: Request, body: NewTask, write: Write) -> Answer[TaskDone]:
    def made(task: Task) -> Answer[TaskDone]:
        done = TaskDone(detail=f"task {task.id} created", payload=TaskBody.of(task))
        return Answer(done, {**located(request, task.id), **tagged(task.version)})

    return write(lambda terms: tasks.create(**_values(body), terms=terms), made)


@endpoint(blueprint, "PUT", "/tasks/{task_id}", role="editor")
def replace_task(task_id: int, body: WholeTask, write: Write) -> Answer[TaskDone]:
    return write(lambda terms: tasks.edit(task_id, _values(body), terms), _updated)


@endpoint(blueprint, "PATCH", "/tasks/{task_id}", role="editor")
def patch_task(task_id: int, body: TaskPatch, write: Write) -> Answer[TaskDone]:
    return write(lambda terms: tasks.edit(task_id, _values(body), terms), _updated)


@endpoint(blueprint, "DELETE", "/tasks/{task_id}", role="editor")
def delete_task(task_id: int, write: Write) -> Answer[Done]:
    deleted = Answer(Done(detail=f"task {task_id} deleted"))
    return write(lambda terms: tasks.delete(task_id, terms), lambda _: deleted)


@endpoint(blueprint, "PUT", "/tasks/{task_id}/assign/user/{user_id}", role="editor")
def assign_task(task_id: int, user_id: int, write: Write) -> Answer[Done]:
    def given(outcome: Outcome) -> Answer[Done]:
        how = "assigned to" if outcome.changed else "was already assigned to"
        return _ended(outcome, f"task {task_id} {how} user {user_id}")

    return write(lambda terms: assignments.assign(task_id, user_id, terms), given)


@endpoint(blueprint, "PUT", "/tasks/{task_id}/unassign/user/{user_id}", role="editor")
def unassign_task(task_id: int, user_id: int, write: Write) -> Answer[Done]:
    def taken(outcome: Outcome) -> Answer[Done]:
        how = "unassigned from" if outcome.changed else "was not assigned to"
        return _ended(outcome, f"task {task_id} {how} user {user_id}")

    return write(lambda terms: assignments.unassign(task_id, user_id, terms), taken)


def _updated(task: Task) -> Answer[TaskDone]:
    done = TaskDone(detail=f"task {task.id} updated", payload=TaskBody.of(task))
    return Answer(done, tagged(task.version, task.hidden))


def _ended(outcome: Outcome, detail: str) -> Answer[Done]:
    return Answer(Done(detail=detail), tagged(outcome.task.version))


def _values(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that the body sets, dates as text."""
    values: dict[str, Any] = msgspec.to_builtins(body)
    return values
