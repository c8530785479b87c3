"""Tasks: create, read, list, update and delete."""

import msgspec

from chalicelib.domain.task import STATUSES, Task, TaskFields, TaskUpdate
from chalicelib.dynamodb import client, clock, counters, lanes, queries, task_writes
from chalicelib.dynamodb.codec import TASKS, StoredTask
from chalicelib.dynamodb.index_keys import status_lane
from chalicelib.dynamodb.queries import Part
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import deleting_users, optimistic, pagination, task_filters
from chalicelib.services.optimistic import TaskChange
from chalicelib.services.write_context import NO_CONTEXT, WriteContext


def create(fields: TaskFields, context: WriteContext = NO_CONTEXT) -> TaskChange:
    """Create a task.

    Raises:
        TransactionTooLarge: the task has more assignees than one transaction has room for.
        NotFound: an assignee does not exist.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes interfered at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    task = Task(
        **msgspec.structs.asdict(fields), id=counters.allocate_id("tasks"), created_at=clock.now()
    )
    return optimistic.commit_one(optimistic.Create(task), context)


def get(task_id: int) -> Task | None:
    """Return the task, or None if it does not exist."""
    task = queries.task(task_id)
    return deleting_users.hide(task) if task else None


def page(paging: pagination.Paging) -> pagination.Page[Task]:
    """Return a page of all tasks, or of those that the filters of the page leave."""
    every_lane = range(lanes.lanes_to_read())
    statuses = paging.statuses or (STATUSES if paging.unassigned else ())
    if statuses:
        parts = [Part(status_lane(one, lane)) for one in statuses for lane in every_lane]
    else:
        parts = [Part(str(lane)) for lane in every_lane]
    found = pagination.read_page(_index(paging), parts, paging, task_filters.predicate(paging))
    return deleting_users.hide_in(found)


def _index(paging: pagination.Paging) -> queries.Index[StoredTask]:
    if paging.unassigned:
        return queries.UNASSIGNED_BY_DUE
    if not paging.statuses:
        return queries.TASKS_BY_DUE if paging.by_due_date else queries.TASKS_BY_CREATED
    if paging.by_due_date:
        return queries.TASKS_BY_STATUS_AND_DUE
    return queries.TASKS_BY_STATUS_AND_CREATED


def update(task_id: int, values: TaskUpdate, context: WriteContext = NO_CONTEXT) -> TaskChange:
    """Update a task.

    Assumes first that the task has no assignees and gets none, which takes one write without a
    read. With an idempotency key it reads the task, because the response has the other fields too.
    An update without values writes nothing, and the version stays the same.

    Raises:
        Invalid: more than MAX_ASSIGNEE_CHANGES assignees change.
        NotFound: the task or an assignee does not exist.
        Stale: the task has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    keeps_assignees = values.assignees is msgspec.UNSET
    if context.record is None and keeps_assignees and values.values():
        transaction = Transaction()
        task_writes.update_unassigned_task(transaction, task_id, values, context.if_match)
        try:
            return TaskChange(TASKS.of_update(transaction.commit()), changed=True)
        except client.ConditionFailed as failed:
            task = optimistic.current_task(failed, 0, task_id)
    else:
        task = optimistic.read_task(task_id)
    return optimistic.commit_one(edit(task, values, context), context)


def edit(task: StoredTask, values: TaskUpdate, context: WriteContext) -> optimistic.Edit:
    """Return the planned update of a task that was read."""
    return optimistic.Edit(task, lambda before: _updated(before, values), context)


def _updated(task: StoredTask, values: TaskUpdate) -> StoredTask:
    if values.assignees is not msgspec.UNSET:
        deleting_users.require_none(values.assignees)
    return task.updated(values)


def delete(task_id: int, context: WriteContext = NO_CONTEXT) -> None:
    """Delete a task.

    Assumes first that the task has no assignees, which takes one write without a read.

    Raises:
        NotFound: the task does not exist.
        Stale: the task has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    transaction = Transaction()
    task_writes.delete_unassigned_task(transaction, task_id, context.if_match)
    try:
        context.commit(transaction, None)
    except client.ConditionFailed as failed:
        task = optimistic.current_task(failed, 0, task_id)
        optimistic.commit([optimistic.Delete(task, context)], context, lambda _: None)
