"""Finishing an interrupted delete of a user, whatever state the copies are in."""

from billet.integrity import lookup, wire
from billet.integrity.assignees import is_needed, readable_task, task_key, unassign
from billet.integrity.lane_count import add_removal_of_mark
from billet.integrity.raw_transaction import RawTransaction
from chalicelib.domain.errors import Conflict
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel, UsernameModel

PAGE = 25


def finish_delete(user: Item, reservation: Item | None) -> None:
    """Unassign all tasks of the user, then remove the user and their reservation of the name.

    Raises:
        Conflict: a task of the user can't be read.
        ConditionFailed: something changed since it was read; try again.
    """
    # Ends: each step removes a copy or raises, and a user that is being deleted gets no new copies.
    while copies := lookup.of_user(AssignmentModel, user["id"], PAGE):
        for copy in copies:
            _unassign_or_delete_copy(user, copy)
    transaction = RawTransaction()
    expected = wire.pick(user, {"id", "going", "assigns"})
    transaction.delete(UserModel, lookup.key_of(UserModel, user), expected)
    if reservation and reservation.get("user_id") == user["id"]:
        expected = wire.pick(reservation, {"name", "user_id"})
        transaction.delete(UsernameModel, lookup.key_of(UsernameModel, reservation), expected)
    add_removal_of_mark(transaction, user["id"])
    transaction.commit()


def _unassign_or_delete_copy(user: Item, copy: Item) -> None:
    key = task_key(copy)
    task_item = lookup.get(TaskModel, key)
    task = readable_task(task_item)
    if task_item and task is None:
        raise Conflict(f"task {wire.readable(key['id'])} can't be read")
    if task_item and task and is_needed(copy, task):
        unassign(task_item, task, {int(user["id"]["N"])})
    else:
        delete_copy(copy, task_item)


def delete_copy(copy: Item, task_item: Item | None) -> None:
    """Remove an orphan copy, unless the task has changed."""
    transaction = RawTransaction()
    expected = (
        wire.pick(task_item, {"id", "version", "assignees", "created_at"})
        if task_item
        else {"id": None}
    )
    transaction.check(TaskModel, task_key(copy), expected)
    transaction.delete(AssignmentModel, lookup.key_of(AssignmentModel, copy), {})
    transaction.commit()
