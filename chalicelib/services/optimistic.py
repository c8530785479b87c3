"""Optimistic writes of tasks: read, change, and write if nobody else wrote in between.

Each attempt is one transaction on condition that the task has the version that was read. If it
fails, DynamoDB returns the current task, and the next attempt starts from there.
"""

from collections.abc import Callable
from typing import NamedTuple

from chalicelib.domain.errors import LostRace, NotFound
from chalicelib.domain.task import Task
from chalicelib.dynamodb import backoff, clock, queries, task_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.codec import TASKS, StoredTask
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import deleting_users
from chalicelib.services.write_context import WriteContext

ATTEMPTS = 12


class TaskChange(NamedTuple):
    """The task after a write, and whether the write changed it."""

    task: Task
    changed: bool


class UserOperation(NamedTuple):
    """An operation on a user, who must exist when the task changes."""

    user_id: int
    add_to: Callable[[Transaction, int], int]
    """Adds the operation to a transaction and returns its position."""


def update_task(
    task: StoredTask,
    change: Callable[[StoredTask], StoredTask],
    context: WriteContext,
    user: UserOperation | None = None,
) -> TaskChange:
    """Write the task that `change` returns. If that is the same object, write and record nothing.

    The result leaves out users that are being deleted.

    Raises:
        NotFound: the task or the user does not exist.
        Stale: the task has none of the versions that the context accepts.
        TooManyAssignees: `change` raises it.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    for _ in backoff.attempts(ATTEMPTS):
        after = change(task)
        context.require("task", task.id, task.version)
        if after is task:
            return TaskChange(deleting_users.hide(task), changed=False)
        after = after.rewritten(clock.now_in_seconds())
        transaction = Transaction()
        user_position = user.add_to(transaction, user.user_id) if user else None
        position = task_writes.update_task(transaction, task, after)
        result = TaskChange(deleting_users.hide(after), changed=True)
        try:
            context.commit(transaction, result)
        except ConditionFailed as failed:
            if user and user_position in failed.found:
                raise NotFound("user", user.user_id) from None
            task = current_task(failed, position, task.id)
        else:
            return result
    raise LostRace


def delete_task(task: StoredTask, context: WriteContext) -> None:
    """Remove the task and its copies.

    Raises:
        NotFound: the task does not exist.
        Stale: the task has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    for _ in backoff.attempts(ATTEMPTS):
        context.require("task", task.id, task.version)
        transaction = Transaction()
        position = task_writes.delete_task(transaction, task)
        try:
            context.commit(transaction, None)
        except ConditionFailed as failed:
            task = current_task(failed, position, task.id)
        else:
            return
    raise LostRace


def read_task(task_id: int) -> StoredTask:
    """Return the task; raise NotFound if it does not exist."""
    task = queries.task(task_id)
    if task is None:
        raise NotFound("task", task_id)
    return task


def current_task(failed: ConditionFailed, position: int, task_id: int) -> StoredTask:
    """Return the task that a failed condition found; raise NotFound if there is none."""
    item = failed.found[position]
    if item is None:
        raise NotFound("task", task_id)
    return TASKS.of_item(item)
