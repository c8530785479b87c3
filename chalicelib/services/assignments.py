"""Assignments of tasks to users.

A task has the ids of its assignees. Each assignee has a copy of the task, so that a user's list is
one strongly consistent Query.
"""

from chalicelib.domain.task import Task
from chalicelib.dynamodb import lane_queries, queries
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.queries import Part
from chalicelib.services import deleting_users, optimistic, pagination, task_filters
from chalicelib.services.optimistic import TaskChange
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
    change = assignment(optimistic.read_task(task_id), user_id, context)
    return optimistic.commit_one(change, context)


def assignment(task: StoredTask, user_id: int, context: WriteContext) -> optimistic.Edit:
    """Return the planned assignment of a task that was read."""
    return optimistic.Edit(task, lambda before: before.assigned_to(user_id), context, user_id)


def unassign(task_id: int, user_id: int, context: WriteContext = NO_CONTEXT) -> TaskChange:
    """Unassign the task from the user. Does nothing if it is not assigned to the user.

    Raises:
        NotFound: the task or the user does not exist.
        Stale: the task has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    change = optimistic.Edit(
        optimistic.read_task(task_id),
        lambda before: before.unassigned_from(user_id),
        context,
        user_id,
    )
    return optimistic.commit_one(change, context)


def page(user_id: int, paging: pagination.Paging) -> pagination.Page[Task]:
    """Return a page of the user's tasks, or of those that the filters of the page leave.

    Raises:
        NotFound: the user does not exist.
    """
    with lane_queries.concurrent_check(lambda: optimistic.require_user(user_id)):
        return read_page(user_id, paging)


def read_page(user_id: int, paging: pagination.Paging) -> pagination.Page[Task]:
    """Return a page as `page` does, of a user who exists."""
    parts = [Part(str(user_id), status) for status in paging.statuses or ("",)]
    tasks = pagination.read_page(_index(paging), parts, paging, task_filters.predicate(paging))
    return deleting_users.hide_in(tasks)


def _index(paging: pagination.Paging) -> queries.Index[StoredTask]:
    due = paging.by_due_date
    if not paging.statuses:
        return queries.ASSIGNED_BY_DUE if due else queries.ASSIGNED_BY_CREATED
    return queries.ASSIGNED_BY_STATUS_AND_DUE if due else queries.ASSIGNED_BY_STATUS_AND_CREATED
