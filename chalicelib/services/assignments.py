"""Who does what: giving tasks to users and taking them away.

A task holds the truth about its assignees; each of them has a copy of the task, so that a user's
list is one strongly consistent Query.
"""

from collections.abc import Callable

import msgspec

from chalicelib.domain.errors import NotFound, Stale, TooManyAssignees
from chalicelib.dynamodb import queries
from chalicelib.dynamodb.codec import Task
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import deleting_users, optimistic, pagination
from chalicelib.services.optimistic import Outcome
from chalicelib.services.write_context import UNCONDITIONAL, WriteContext

MAX_ASSIGNEES = 50


def assign(task_id: int, user_id: int, terms: WriteContext = UNCONDITIONAL) -> Outcome:
    """Gives the task to the user.

    Raises:
        NotFound: there is no such task or user.
        Stale: the task has none of the versions that it must have.
        TooManyAssignees: the task has 50 assignees.
        LostRace: others changed the task at every attempt.
    """

    def step(task: Task) -> Task:
        if user_id in task.assignees:
            return task
        if len(task.assignees) >= MAX_ASSIGNEES:
            raise TooManyAssignees(task_id, MAX_ASSIGNEES)
        return msgspec.structs.replace(task, assignees=tuple(sorted((*task.assignees, user_id))))

    return _change(task_id, step, optimistic.Guard(user_id, Transaction.user_assigned), terms)


def unassign(task_id: int, user_id: int, terms: WriteContext = UNCONDITIONAL) -> Outcome:
    """Takes the task from the user.

    Raises:
        NotFound: there is no such task or user.
        Stale: the task has none of the versions that it must have.
        LostRace: others changed the task at every attempt.
    """

    def step(task: Task) -> Task:
        if user_id not in task.assignees:
            return task
        return without(task, user_id)

    return _change(task_id, step, optimistic.Guard(user_id, Transaction.user_present), terms)


def without(task: Task, user_id: int) -> Task:
    """The task as it is when the user does not have it any more."""
    rest = tuple(assignee for assignee in task.assignees if assignee != user_id)
    return msgspec.structs.replace(task, assignees=rest)


def page(user_id: int, paging: pagination.Paging) -> pagination.Page[Task]:
    """A page of the user's tasks, or of those of one status.

    Raises:
        NotFound: there is no such user.
    """
    lanes = pagination.Lanes(_ordering(paging), [str(user_id)])
    with pagination.meanwhile(lambda: _require_user(user_id)):
        found = pagination.page(lanes, paging)
    return deleting_users.hide_in(found)


def _ordering(paging: pagination.Paging) -> queries.Ordering[Task]:
    urgent = paging.sort == "expires_at"
    if paging.status is None:
        return queries.ASSIGNED_BY_DUE if urgent else queries.ASSIGNED_BY_CREATED
    return queries.ASSIGNED_BY_STATUS_AND_DUE if urgent else queries.ASSIGNED_BY_STATUS_AND_CREATED


def _change(
    task_id: int, step: Callable[[Task], Task], guard: optimistic.Guard, terms: WriteContext
) -> Outcome:
    task = optimistic.found_task(task_id)
    try:
        changing = terms.rendering(lambda after: Outcome(after, changed=True))
        outcome = optimistic.advance(task, step, changing, guard)
    except Stale:
        _require_user(guard.user_id)  # that there is none comes before any condition
        raise
    if not outcome.changed:
        _require_user(guard.user_id)
        terms.record_alone(outcome)
    return outcome


def _require_user(user_id: int) -> None:
    user = queries.user(user_id)
    if user is None or user.going:
        raise NotFound("user", user_id)
