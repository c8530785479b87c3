"""Finishing an interrupted delete of a user, whatever state the copies are in."""

from billet.integrity import lookup, wire
from billet.integrity.assignees import copy_key, is_needed, readable_task, task_key, unassign
from billet.integrity.lane_count import add_unmark
from billet.integrity.raw_transaction import RawTransaction
from chalicelib.domain.errors import Conflict
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel, UsernameModel

PAGE = 25


class _Unreadable(Conflict):
    """A task of the user can't be read."""


def finish_delete(user: Item, reservation: Item | None) -> None:
    """Unassign all tasks of the user, then remove the user and their reservation of the name.

    No task can be assigned to the user in the meantime, and each step removes one copy, so it ends.

    Raises:
        Conflict: a task of the user can't be read.
        ConditionFailed: something changed since it was read; try again.
    """
    while copies := lookup.of_user(AssignmentModel, user["id"], PAGE):
        for copy in copies:
            _take_one(user, copy)
    transaction = RawTransaction()
    same = wire.some(user, {"id", "going", "assigns"})
    transaction.delete(UserModel, lookup.key_of(UserModel, user), same)
    if reservation and reservation.get("user_id") == user["id"]:
        same = wire.some(reservation, {"name", "user_id"})
        transaction.delete(UsernameModel, lookup.key_of(UsernameModel, reservation), same)
    add_unmark(transaction, user["id"])
    transaction.commit()


def _take_one(user: Item, copy: Item) -> None:
    key = task_key(copy)
    task = lookup.get(TaskModel, key)
    record = readable_task(task)
    if task and record is None:
        raise _Unreadable(f"task {wire.plain(key['id'])} can't be read")
    if task and record and is_needed(copy, record):
        unassign(task, record, {record_id(user)})
    else:
        delete_copy(copy, task)


def record_id(user: Item) -> int:
    """Return the user's id."""
    return int(user["id"]["N"])


def delete_copy(copy: Item, task: Item | None) -> None:
    """Remove an orphan copy, unless the task has changed."""
    transaction = RawTransaction()
    same = wire.some(task, {"id", "version", "assignees", "created_at"}) if task else {"id": None}
    transaction.check(TaskModel, task_key(copy), same)
    transaction.delete(AssignmentModel, copy_key(copy), {})
    transaction.commit()
