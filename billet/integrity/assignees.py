"""A task, its assignees and their copies, and the repairs of them."""

from collections.abc import Collection, Sequence

import msgspec

from billet.integrity import lane_count, lookup, shape, wire
from billet.integrity.raw_transaction import RawTransaction
from chalicelib.domain.ids import MAX_ID
from chalicelib.dynamodb import clock
from chalicelib.dynamodb.client import ConditionFailed, Item
from chalicelib.dynamodb.codec import TASKS, StoredTask, assignment_values, created_key_of
from chalicelib.dynamodb.index_keys import unassigned_lane
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel

MAX_UNASSIGNED = 50

INDEX_KEY_NAMES = lookup.index_key_names(TaskModel)


def faults(task_item: Item) -> shape.Faults:
    """Return what is wrong with a task, apart from its index keys, which follow from the rest."""
    found = shape.faults(TaskModel, task_item)
    return {name: why for name, why in found.items() if name not in INDEX_KEY_NAMES}


def readable_task(task_item: Item | None) -> StoredTask | None:
    """Return the task without its lane, or None if the API can't read or sort it."""
    if task_item is None or faults(task_item).keys() & {"id", "created_at", "expires_at"}:
        return None
    try:
        return TASKS.of_item(
            {name: value for name, value in task_item.items() if name not in INDEX_KEY_NAMES}
        )
    except (msgspec.ValidationError, ValueError):
        return None


def task_key(copy: Item) -> Item:
    """Return the key of the task that a copy's key names; id 0, which no task has, if none."""
    tail = copy["recency"]["S"].rpartition("#")[2]
    ident = int(tail) if tail.isdecimal() and len(tail) == 16 else 0
    return {"id": wire.number(ident if ident <= MAX_ID else 0)}


def key_of_copy(user_id: int, created_key: str) -> Item:
    """Return the key of a user's copy."""
    return {"user_id": wire.number(user_id), "recency": wire.string(created_key)}


def is_needed(copy: Item, task: StoredTask) -> bool:
    """Return whether the task should have this copy."""
    named = any(copy["user_id"] == wire.number(user_id) for user_id in task.assignees)
    return named and copy["recency"] == wire.string(created_key_of(task))


def write_copy(task_item: Item, task: StoredTask, user_id: int) -> None:
    """Write the user's copy. It counts as an assignment, so a delete of the user notices it."""
    transaction = RawTransaction()
    transaction.update(
        UserModel,
        {"id": wire.number(user_id)},
        {},
        {"id": wire.number(user_id), "going": None},
        add={"assigns": wire.number(1)},
    )
    _add_copies(transaction, task, [user_id])
    transaction.check(
        TaskModel, lookup.key_of(TaskModel, task_item), wire.pick(task_item, {"id", "version"})
    )
    transaction.commit()


def unassign(task_item: Item, task: StoredTask, gone: Collection[int]) -> None:
    """Remove up to MAX_UNASSIGNED users from the assignees of the task, and their copies.

    Copies that do not fit into the first transaction follow in further ones. If the task has
    changed by then, the other write has written them.
    """
    taken = sorted(gone)[:MAX_UNASSIGNED]
    left = tuple(user_id for user_id in task.assignees if user_id not in taken)
    after = msgspec.structs.replace(task, assignees=left).rewritten(clock.now_in_seconds())
    staying = [user_id for user_id in left if user_id not in gone]
    key = lookup.key_of(TaskModel, task_item)
    values = wire.serialized(
        TaskModel,
        {
            "assignees": set(left) or None,
            "unassigned_lane": unassigned_lane(task.status, lane_count.lane_of(task_item), left),
            "updated_at": after.updated_at,
            "version": after.version,
        },
    )
    transaction = RawTransaction()
    transaction.update(TaskModel, key, values, wire.pick(task_item, {"id", "version", "assignees"}))
    for user_id in taken:
        transaction.delete(AssignmentModel, key_of_copy(user_id, created_key_of(task)), {})
    rest = _add_copies(transaction, after, staying)
    transaction.commit()
    while rest:  # ends: each transaction adds at least one copy
        transaction = RawTransaction()
        transaction.check(TaskModel, key, {"version": values["version"]})
        rest = _add_copies(transaction, after, rest)
        try:
            transaction.commit()
        except ConditionFailed:
            return


def _add_copies(
    transaction: RawTransaction, task: StoredTask, user_ids: Sequence[int]
) -> Sequence[int]:
    """Add the copies of as many users as there is room for. Return the other users."""
    room = transaction.room
    values = wire.serialized(AssignmentModel, assignment_values(task))
    for user_id in user_ids[:room]:
        transaction.update(AssignmentModel, key_of_copy(user_id, created_key_of(task)), values, {})
    return user_ids[room:]
