"""Hiding users that are being deleted.

A user with many tasks is deleted in several transactions. The first one marks the user and adds
the id to the shared state; tasks name the user until a later one removes the assignment. So readers
leave these users out of the assignees of every task.
"""

from collections.abc import Collection
from typing import TypeVar

import msgspec

from chalicelib.domain.errors import NotFound
from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import queries, shared_state
from chalicelib.services.pagination import Page

T = TypeVar("T", bound=Task)


def existing_user(user_id: int) -> User | None:
    """Return the user, or None if they do not exist or are being deleted."""
    user = queries.user(user_id)
    return None if user is None or user.deleting else user


def hide(task: T) -> T:
    """Return the task without the users that are being deleted.

    A delete that another process has started is seen up to shared_state.FRESH_SECONDS late.
    """
    if not task.assignees or not (deleting := shared_state.recent().deleting_users):
        return task
    shown = tuple(user_id for user_id in task.assignees if user_id not in deleting)
    hidden = len(task.assignees) - len(shown)
    if not hidden:
        return task
    return msgspec.structs.replace(task, assignees=shown, hidden_assignees=hidden)


def hide_in(page: Page[T]) -> Page[T]:
    """Return the page without the users that are being deleted. See `hide`."""
    if page.items and shared_state.recent().deleting_users:
        return page.map(hide)
    return page


def require_none(user_ids: Collection[int]) -> None:
    """Raise NotFound if some of the users are being deleted, as far as this process knows."""
    if user_ids and (gone := shared_state.recent().deleting_users & set(user_ids)):
        raise NotFound("user", *sorted(gone))
