"""Who does what: giving tasks to users and taking them away.

A task holds the truth about its assignees; each of them has a copy of the task, so that a user's
list is one strongly consistent Query.
"""

from collections.abc import Callable

import msgspec

from chalicelib import listing, transition
from chalicelib.errors import NotFound, TooManyAssignees
from chalicelib.storage import reads
from chalicelib.storage.changes import Change
from chalicelib.storage.records import Task

MOST_ASSIGNEES = 50


def assign(task_id: int, user_id: int) -> bool:
    """Gives the task to the user; False where the user has it already.

    Raises:
        NotFound: there is no such task or user.
        TooManyAssignees: the task has 50 assignees.
        LostRace: others changed the task at every attempt.
    """

    def step(task: Task) -> Task:
        if user_id in task.assignees:
            return task
        if len(task.assignees) >= MOST_ASSIGNEES:
            raise TooManyAssignees(task_id, MOST_ASSIGNEES)
        return msgspec.structs.replace(task, assignees=tuple(sorted((*task.assignees, user_id))))

    return _change(task_id, user_id, step, Change.user_assigned)


def unassign(task_id: int, user_id: int) -> bool:
    """Takes the task from the user; False where the user does not have it.

    Raises:
        NotFound: there is no such task or user.
        LostRace: others changed the task at every attempt.
    """

    def step(task: Task) -> Task:
        if user_id not in task.assignees:
            return task
        return without(task, user_id)

    return _change(task_id, user_id, step, Change.user_present)


def without(task: Task, user_id: int) -> Task:
    """The task as it is when the user does not have it any more."""
    rest = tuple(assignee for assignee in task.assignees if assignee != user_id)
    return msgspec.structs.replace(task, assignees=rest)


def page(user_id: int, paging: listing.Paging) -> listing.Page[Task]:
    """A page of the user's tasks, or of those of one status.

    Raises:
        NotFound: there is no such user.
    """
    found = listing.page(listing.Lanes(_ordering(paging), [str(user_id)]), paging)
    if not found.records:
        _require_user(user_id)
    return found


def _ordering(paging: listing.Paging) -> reads.Ordering[Task]:
    urgent = paging.sort == "expires_at"
    if paging.status is None:
        return reads.MOST_URGENT_ASSIGNED if urgent else reads.NEWEST_ASSIGNED
    return reads.MOST_URGENT_ASSIGNED_BY_STATUS if urgent else reads.NEWEST_ASSIGNED_BY_STATUS


def _change(
    task_id: int,
    user_id: int,
    step: Callable[[Task], Task],
    add: Callable[[Change, int], int],
) -> bool:
    task = reads.task(task_id)
    if task is None:
        raise NotFound("task", task_id)
    after = transition.advance(task, step, transition.Guard(user_id, add))
    if after.version == task.version:
        _require_user(user_id)
        return False
    return True


def _require_user(user_id: int) -> None:
    user = reads.user(user_id)
    if user is None or user.going:
        raise NotFound("user", user_id)
