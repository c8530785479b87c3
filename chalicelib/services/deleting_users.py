"""Hiding users that are being deleted.

A user with many tasks is deleted in several transactions. The first one hides the user, and notes
the id in `shared`; tasks go on naming the user until each has had its turn. So readers leave such
users out of the assignees of every task that they show.
"""

import msgspec

from chalicelib.dynamodb import shared_state
from chalicelib.dynamodb.codec import Task
from chalicelib.services.pagination import Page


def hide(task: Task) -> Task:
    """The task without the users that are being deleted. Other processes' deletes are seen
    shared.FRESH_SECONDS late, at most."""
    going = shared_state.recent().going if task.assignees else ()
    return _without(task, frozenset(going)) if going else task


def hide_in(page: Page[Task]) -> Page[Task]:
    """The page with all of its tasks so."""
    return Page([hide(task) for task in page.records], page.next, page.places)


def _without(task: Task, going: frozenset[int]) -> Task:
    shown = tuple(user_id for user_id in task.assignees if user_id not in going)
    hidden = len(task.assignees) - len(shown)
    return msgspec.structs.replace(task, assignees=shown, hidden=hidden) if hidden else task
