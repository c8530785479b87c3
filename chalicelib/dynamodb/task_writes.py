"""The writes of tasks and of their copies, which are the items of the table `assignments`."""

from collections.abc import Collection

from pynamodb.expressions.condition import Condition

from chalicelib.domain.task import Task, TaskUpdate
from chalicelib.dynamodb import clock
from chalicelib.dynamodb.codec import (
    StoredTask,
    assignment_values,
    created_key_of,
    set_or_remove,
    task_values,
    updated_task_values,
)
from chalicelib.dynamodb.counters import lane_of_new
from chalicelib.dynamodb.models import AssignmentModel, TaskModel
from chalicelib.dynamodb.transaction import Transaction

_UNASSIGNED: Condition = TaskModel.id.exists() & TaskModel.assignees.does_not_exist()


def create_task(transaction: Transaction, task: Task) -> int:
    """Add a new task with a copy for each assignee. Return the position of the task."""
    for user_id in task.assignees:
        copy = AssignmentModel(user_id, created_key_of(task), **assignment_values(task))
        transaction.put(copy, AssignmentModel.user_id.does_not_exist())
    item = TaskModel(**task_values(task, lane_of_new("tasks", task.id)))
    return transaction.put(item, TaskModel.id.does_not_exist())


def update_task(transaction: Transaction, before: StoredTask, after: StoredTask) -> int:
    """Add the new state of a task and of each copy, if the task still has the version of `before`.

    Returns:
        The position of the task.
    """
    unchanged = TaskModel.version == before.version
    removed = [user_id for user_id in before.assignees if user_id not in after.assignees]
    _delete_copies(transaction, before, removed)
    if after.assignees:
        copy = set_or_remove(AssignmentModel, assignment_values(after))
        for user_id in after.assignees:
            transaction.update(AssignmentModel(user_id, created_key_of(after)), copy)
    lane = None
    if after.status != before.status or (before.assignees and not after.assignees):
        # Each sets a key that has the lane in it.
        lane = before.lane
        if lane is None:
            lane = lane_of_new("tasks", before.id)
        unchanged &= TaskModel.lane == lane
    values = task_values(after, lane)
    del values["id"]
    return transaction.update(TaskModel(before.id), set_or_remove(TaskModel, values), unchanged)


def delete_task(transaction: Transaction, before: StoredTask) -> int:
    """Add the removal of a task and its copies, if the task still has the version of `before`.

    Returns:
        The position of the task.
    """
    _delete_copies(transaction, before, before.assignees)
    return transaction.delete(TaskModel(before.id), TaskModel.version == before.version)


def require_version(transaction: Transaction, task: StoredTask) -> int:
    """Add the condition that the task still has this version. Return the position of the task."""
    return transaction.check(TaskModel(task.id), TaskModel.version == task.version)


def update_unassigned_task(
    transaction: Transaction, task_id: int, update: TaskUpdate, versions: Collection[int] | None
) -> int:
    """Add an update of a task that was not read, if it has no assignees.

    An update of the status also needs the task to be in the lane that a new task with its id
    would be in, because the key of an index holds both.

    Args:
        versions: the task must have one of these versions. None accepts all.
    """
    lane = lane_of_new("tasks", task_id)
    values = updated_task_values(task_id, update, lane)
    condition = _unassigned(versions)
    if "status_lane" in values:
        condition &= TaskModel.lane == lane
    values["updated_at"] = clock.now_in_seconds()
    actions = [*set_or_remove(TaskModel, values), TaskModel.version.add(1)]
    return transaction.update(TaskModel(task_id), actions, condition)


def delete_unassigned_task(
    transaction: Transaction, task_id: int, versions: Collection[int] | None
) -> int:
    """Add the removal of a task that was not read, if it has no assignees.

    Args:
        versions: the task must have one of these versions. None accepts all.
    """
    return transaction.delete(TaskModel(task_id), _unassigned(versions))


def _delete_copies(transaction: Transaction, task: Task, user_ids: Collection[int]) -> None:
    for user_id in user_ids:
        transaction.delete(AssignmentModel(user_id, created_key_of(task)))


def _unassigned(versions: Collection[int] | None) -> Condition:
    if versions is None:
        return _UNASSIGNED
    # IN takes no empty list, and no task has version 0.
    condition: Condition = _UNASSIGNED & TaskModel.version.is_in(*versions or {0})
    return condition
