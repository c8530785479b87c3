"""I1 and I2: assignees exist and have exact copies, and the index keys of tasks are right.

The task is authoritative. Each repair depends on the version of the task, which every write raises.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec

from billet.integrity import lane_count, lookup, shape, wire
from billet.integrity.assignees import (
    INDEX_KEY_NAMES,
    faults,
    key_of_copy,
    readable_task,
    unassign,
    write_copy,
)
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction
from billet.integrity.restoring import restorable
from billet.integrity.wire import Values
from chalicelib.domain.task import MAX_ASSIGNEES
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import StoredTask, assignment_values, created_key_of, task_values
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel


class _Related(msgspec.Struct):
    """The items that some tasks must agree with."""

    copies: Mapping[tuple[str, ...], Item]
    users: Mapping[tuple[str, ...], Item]

    def user(self, user_id: int) -> Item | None:
        """Return an assignee, or None."""
        return self.users.get((str(user_id),))

    def copy(self, user_id: int, task: StoredTask) -> Item | None:
        """Return the assignee's copy, or None."""
        return self.copies.get((str(user_id), created_key_of(task)))


def check_tasks(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield the confirmed faults of these tasks and of the copies that they need."""
    related = _related(page)
    for task in page:
        if any(_of_task(task, related)):
            yield from settled(TaskModel, lookup.key_of(TaskModel, task), _judge)


def _judge(task: Item | None) -> Sequence[Finding]:
    return list(_of_task(task, _related([task]))) if task else []


def _related(page: Sequence[Item]) -> _Related:
    records = [record for record in map(readable_task, page) if record]
    pairs = [
        (user_id, created_key_of(record)) for record in records for user_id in record.assignees
    ]
    copies = lookup.fetch(AssignmentModel, [key_of_copy(*pair) for pair in pairs])
    users = lookup.fetch(UserModel, [{"id": wire.number(user_id)} for user_id, _ in pairs])
    return _Related(copies, users)


def _of_task(task: Item, related: _Related) -> Iterator[Finding]:
    found, key = faults(task), lookup.key_of(TaskModel, task)
    values = restorable(task, found, ()) if found else {}
    if values:  # the rest is checked after the repair, because copies would get a wrong value
        wrong = {name: why for name, why in found.items() if name in values}
        kind, repair = _kind(task, wrong), partial(rewrite, task, values)
        yield Finding(kind, TaskModel, key, shape.describe(wrong), repair)
        return
    if found:
        yield Finding(_kind(task, found), TaskModel, key, shape.describe(found))
    record = readable_task(task)
    if record is not None:
        yield from _of_record(task, record, related)
    elif shown := INDEX_KEY_NAMES & task.keys():
        detail = "is in an index, but is unreadable"
        repair = partial(rewrite, task, dict.fromkeys(shown))
        yield Finding("listed-unreadable", TaskModel, key, detail, repair)


def _kind(task: Item, found: shape.Faults) -> str:
    readable = shape.unreadable(TaskModel, task).keys().isdisjoint(found)
    return "invalid" if readable else "unreadable"


def _of_record(task: Item, record: StoredTask, related: _Related) -> Iterator[Finding]:
    gone = [user_id for user_id in record.assignees if related.user(user_id) is None]
    for user_id in record.assignees:
        user = related.user(user_id)
        if user and "going" not in user:
            yield from _of_copy(task, record, user_id, related.copy(user_id, record))
    yield from _of_index_keys(task, record)
    yield from _of_assignees(task, record, gone)


def _of_copy(task: Item, record: StoredTask, user_id: int, copy: Item | None) -> Iterator[Finding]:
    key, repair = (
        key_of_copy(user_id, created_key_of(record)),
        partial(write_copy, task, record, user_id),
    )
    if copy is None:
        detail = f"user {user_id} has no copy of task {record.id}"
        yield Finding("missing-copy", AssignmentModel, key, detail, repair)
    elif wrong := _wrong_attributes(copy, record):
        detail = f"user {user_id}'s copy of task {record.id} differs: {', '.join(sorted(wrong))}"
        yield Finding("wrong-copy", AssignmentModel, key, detail, repair)


def _wrong_attributes(copy: Item, record: StoredTask) -> Sequence[str]:
    right = wire.written(AssignmentModel, assignment_values(record))
    return wire.differing(wire.without_defaults(AssignmentModel, copy), right)


def _of_index_keys(task: Item, record: StoredTask) -> Iterator[Finding]:
    key, right = lookup.key_of(TaskModel, task), _right_index_keys(task, record)
    if wrong := wire.differing(task, right):
        detail = f"has wrong index keys: {', '.join(sorted(wrong))}"
        yield Finding("misplaced", TaskModel, key, detail, partial(rewrite, task, right))


def _right_index_keys(task: Item, record: StoredTask) -> Values:
    values = wire.written(TaskModel, task_values(record, lane_count.lane_of(task)))
    return {name: values[name] for name in INDEX_KEY_NAMES}


def _of_assignees(task: Item, record: StoredTask, gone: Sequence[int]) -> Iterator[Finding]:
    key, count = lookup.key_of(TaskModel, task), len(record.assignees) - len(gone)
    if count > MAX_ASSIGNEES:
        detail = f"has {count} assignees; the maximum is {MAX_ASSIGNEES}"
        yield Finding("too-many-assignees", TaskModel, key, detail)
    if gone:
        detail = f"has assignees that do not exist: {', '.join(map(str, gone))}"
        yield Finding(
            "missing-users", TaskModel, key, detail, partial(unassign, task, record, gone)
        )


def rewrite(task: Item, values: Values) -> None:
    """Set attributes of the task, unless it has changed."""
    transaction = RawTransaction()
    same = wire.some(task, {"id", "version", "assignees", "created_at", *values})
    transaction.update(TaskModel, lookup.key_of(TaskModel, task), values, same)
    transaction.commit()
