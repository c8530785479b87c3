"""I1 and I2, assignees exist and have exact copies; and tasks are listed where they belong.

The task holds the truth. Each mend rests on the task's version, which each change of it raises.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec

from billet.integrity import layout, lookup, shape, wire
from billet.integrity.assignees import PLACE, faults, key_of_copy, readable_task, take, write_copy
from billet.integrity.finding import Finding, settled
from billet.integrity.mending import Mending
from billet.integrity.restoring import restorable
from billet.integrity.wire import Values
from chalicelib.dynamodb import sort_keys
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import Task
from chalicelib.dynamodb.item_values import copy_values, task_values
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel
from chalicelib.services.assignments import MAX_ASSIGNEES


class _Related(msgspec.Struct):
    """What some tasks have to agree with."""

    copies: Mapping[tuple[str, ...], Item]
    users: Mapping[tuple[str, ...], Item]

    def user(self, user_id: int) -> Item | None:
        """An assignee, or None."""
        return self.users.get((str(user_id),))

    def copy(self, user_id: int, task: Task) -> Item | None:
        """The assignee's copy, or None."""
        return self.copies.get((str(user_id), task.recency))


def check_tasks(page: Sequence[Item]) -> Iterator[Finding]:
    """Yields what is broken about these tasks and the copies that they need, confirmed."""
    related = _related(page)
    for task in page:
        if any(_of_task(task, related)):
            yield from settled(TaskModel, lookup.key_of(TaskModel, task), _judge)


def _judge(task: Item | None) -> Sequence[Finding]:
    return list(_of_task(task, _related([task]))) if task else []


def _related(page: Sequence[Item]) -> _Related:
    records = [record for record in map(readable_task, page) if record]
    pairs = [(user_id, record.recency) for record in records for user_id in record.assignees]
    copies = lookup.fetch(AssignmentModel, [key_of_copy(*pair) for pair in pairs])
    users = lookup.fetch(UserModel, [{"id": wire.number(user_id)} for user_id, _ in pairs])
    return _Related(copies, users)


def _of_task(task: Item, related: _Related) -> Iterator[Finding]:
    found, key = faults(task), lookup.key_of(TaskModel, task)
    values = restorable(task, found, ()) if found else {}
    if values:  # all else is judged when it is mended, for copies would follow a wrong value
        wrong = {name: why for name, why in found.items() if name in values}
        kind, repair = _kind(task, wrong), partial(rewrite, task, values)
        yield Finding(kind, TaskModel, key, shape.told(wrong), repair)
        return
    if found:
        yield Finding(_kind(task, found), TaskModel, key, shape.told(found))
    record = readable_task(task)
    if record is not None:
        yield from _of_record(task, record, related)
    elif shown := PLACE & task.keys():
        detail = "is listed, though it can't be read"
        repair = partial(rewrite, task, dict.fromkeys(shown))
        yield Finding("listed-unreadable", TaskModel, key, detail, repair)


def _kind(task: Item, found: shape.Faults) -> str:
    readable = shape.unreadable(TaskModel, task).keys().isdisjoint(found)
    return "invalid" if readable else "unreadable"


def _of_record(task: Item, record: Task, related: _Related) -> Iterator[Finding]:
    gone = [user_id for user_id in record.assignees if related.user(user_id) is None]
    for user_id in record.assignees:
        user = related.user(user_id)
        if user and "going" not in user:
            yield from _of_copy(task, record, user_id, related.copy(user_id, record))
    yield from _of_place(task, record)
    yield from _of_assignees(task, record, gone)


def _of_copy(task: Item, record: Task, user_id: int, copy: Item | None) -> Iterator[Finding]:
    key, repair = key_of_copy(user_id, record.recency), partial(write_copy, task, record, user_id)
    if copy is None:
        detail = f"user {user_id} has no copy of task {record.id}"
        yield Finding("missing-copy", AssignmentModel, key, detail, repair)
    elif wrong := wire.differing(copy, wire.written(AssignmentModel, copy_values(record))):
        detail = f"user {user_id}'s copy of task {record.id} differs: {', '.join(sorted(wrong))}"
        yield Finding("wrong-copy", AssignmentModel, key, detail, repair)


def _of_place(task: Item, record: Task) -> Iterator[Finding]:
    key, place = lookup.key_of(TaskModel, task), _place(task, record)
    if wrong := wire.differing(task, place):
        detail = f"is not in its place in the indexes: {', '.join(sorted(wrong))}"
        yield Finding("misplaced", TaskModel, key, detail, partial(rewrite, task, place))


def _place(task: Item, record: Task) -> Values:
    lane = layout.lane_of(task)
    place = {"lane": lane, "status_lane": sort_keys.status_lane(record.status, lane)}
    values = wire.written(TaskModel, task_values(record) | place)
    return {name: values[name] for name in PLACE}


def _of_assignees(task: Item, record: Task, gone: Sequence[int]) -> Iterator[Finding]:
    key, count = lookup.key_of(TaskModel, task), len(record.assignees) - len(gone)
    if count > MAX_ASSIGNEES:
        detail = f"has {count} assignees, and {MAX_ASSIGNEES} is the most that a task may have"
        yield Finding("too-many-assignees", TaskModel, key, detail)
    if gone:
        detail = f"names missing users: {', '.join(map(str, gone))}"
        yield Finding("missing-users", TaskModel, key, detail, partial(take, task, record, gone))


def rewrite(task: Item, values: Values) -> None:
    """Sets attributes of the task, unless it has changed."""
    mending = Mending()
    same = wire.some(task, {"id", "version", "assignees", "created_at", *values})
    mending.update(TaskModel, lookup.key_of(TaskModel, task), values, same)
    mending.commit()
