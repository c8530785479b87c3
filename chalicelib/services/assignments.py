"""Assignments of tasks to users.

A task has the ids of its assignees. Each assignee has a copy of the task, so that a user's list is
one strongly consistent Query.
"""

from collections.abc import Callable

from chalicelib.domain.errors import NotFound, Stale
from chalicelib.domain.task import Task
from chalicelib.dynamodb import lane_queries, queries, user_writes
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.queries import Part
from chalicelib.services import deleting_users, optimistic, pagination, task_filters
from chalicelib.services.optimistic import TaskChange, UserOperation
from chalicelib.services.write_context import NO_CONTEXT, WriteContext


def assign(task_id: int, user_id: int, context: WriteContext = NO_CONTEXT) -> TaskChange:
    """Assign the task to the user. Does nothing if it is assigned to the user already.

    Raises:
        NotFound: the task or the user does not exist.
        Stale: the task has none of the versions that the context accepts.
        TooManyAssignees: the task has MAX_ASSIGNEES others.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    user = UserOperation(user_id, user_writes.increment_assignment_count)
    return _change(task_id, lambda task: task.assigned_to(user_id), user, context)


def unassign(task_id: int, user_id: int, context: WriteContext = NO_CONTEXT) -> TaskChange:
    """Unassign the task from the user. Does nothing if it is not assigned to the user.

    Raises:
        NotFound: the task or the user does not exist.
        Stale: the task has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    user = UserOperation(user_id, user_writes.require_user)
    return _change(task_id, lambda task: task.unassigned_from(user_id), user, context)


def page(user_id: int, paging: pagination.Paging) -> pagination.Page[Task]:
    """Return a page of the user's tasks, or of those that the filters of the page leave.

    Raises:
        NotFound: the user does not exist.
    """
    with lane_queries.alongside(lambda: _require_user(user_id)):
        parts = [Part(str(user_id), status) for status in paging.statuses or ("",)]
        tasks = pagination.read_page(_index(paging), parts, paging, task_filters.of(paging))
    return tasks.map(deleting_users.hide)


def _index(paging: pagination.Paging) -> queries.Index[StoredTask]:
    due = paging.by_due_date
    if not paging.statuses:
        return queries.ASSIGNED_BY_DUE if due else queries.ASSIGNED_BY_CREATED
    return queries.ASSIGNED_BY_STATUS_AND_DUE if due else queries.ASSIGNED_BY_STATUS_AND_CREATED


def _change(
    task_id: int,
    change: Callable[[StoredTask], StoredTask],
    user: UserOperation,
    context: WriteContext,
) -> TaskChange:
    task = optimistic.read_task(task_id)
    try:
        result = optimistic.update_task(task, change, context, user)
    except Stale:
        _require_user(user.user_id)  # a user who does not exist comes before any condition
        raise
    if not result.changed:
        _require_user(user.user_id)
        context.commit_record(result)
    return result


def _require_user(user_id: int) -> None:
    user = queries.user(user_id)
    if user is None or user.deleting:
        raise NotFound("user", user_id)
