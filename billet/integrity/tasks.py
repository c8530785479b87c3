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
from billet.integrity.raw_transaction import set_attributes
from billet.integrity.restoring import restorable_task_values
from billet.integrity.wire import Values
from chalicelib.domain.task import MAX_ASSIGNEES
from chalicelib.dynamodb import shared_state
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import StoredTask, assignment_values, created_key_of, task_values
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel

ADDED = {"updated_at"}
"""The attributes that a server of the previous release does not know. While such servers run, an
assignment by one of them makes a copy without these; contract of migration ADDED_BY adds them."""
ADDED_BY = 8


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
    for task_item in page:
        if any(_of_task(task_item, related)):
            yield from settled(TaskModel, lookup.key_of(TaskModel, task_item), _judge)


def _judge(task_item: Item | None) -> Sequence[Finding]:
    return list(_of_task(task_item, _related([task_item]))) if task_item else []


def _related(page: Sequence[Item]) -> _Related:
    tasks = [task for task in map(readable_task, page) if task]
    pairs = [(user_id, created_key_of(task)) for task in tasks for user_id in task.assignees]
    copies = lookup.fetch(AssignmentModel, [key_of_copy(*pair) for pair in pairs])
    users = lookup.fetch(UserModel, [{"id": wire.number(user_id)} for user_id, _ in pairs])
    return _Related(copies, users)


def _of_task(task_item: Item, related: _Related) -> Iterator[Finding]:
    found, key = faults(task_item), lookup.key_of(TaskModel, task_item)
    values = restorable_task_values(task_item, found, ()) if found else {}
    if values:  # the rest is checked after the repair, because copies would get a wrong value
        wrong = {name: why for name, why in found.items() if name in values}
        kind, repair = _kind(task_item, wrong), partial(set_task_attributes, task_item, values)
        yield Finding(kind, TaskModel, key, shape.describe(wrong), repair)
        return
    if found:
        yield Finding(_kind(task_item, found), TaskModel, key, shape.describe(found))
    task = readable_task(task_item)
    if task is not None:
        yield from _of_readable_task(task_item, task, related)
    elif shown := INDEX_KEY_NAMES & task_item.keys():
        detail = "is in an index, but is unreadable"
        repair = partial(set_task_attributes, task_item, dict.fromkeys(shown))
        yield Finding("listed-unreadable", TaskModel, key, detail, repair)


def _kind(task_item: Item, found: shape.Faults) -> str:
    readable = shape.unreadable(TaskModel, task_item).keys().isdisjoint(found)
    return "invalid" if readable else "unreadable"


def _of_readable_task(task_item: Item, task: StoredTask, related: _Related) -> Iterator[Finding]:
    gone = [user_id for user_id in task.assignees if related.user(user_id) is None]
    for user_id in task.assignees:
        user = related.user(user_id)
        if user and "going" not in user:
            yield from _of_copy(task_item, task, user_id, related.copy(user_id, task))
    yield from _of_index_keys(task_item, task)
    yield from _of_assignees(task_item, task, gone)


def _of_copy(
    task_item: Item, task: StoredTask, user_id: int, copy: Item | None
) -> Iterator[Finding]:
    key, repair = (
        key_of_copy(user_id, created_key_of(task)),
        partial(write_copy, task_item, task, user_id),
    )
    if copy is None:
        detail = f"user {user_id} has no copy of task {task.id}"
        yield Finding("missing-copy", AssignmentModel, key, detail, repair)
    elif wrong := _wrong_attributes(copy, task):
        detail = f"user {user_id}'s copy of task {task.id} differs: {', '.join(sorted(wrong))}"
        yield Finding("wrong-copy", AssignmentModel, key, detail, repair)


def _wrong_attributes(copy: Item, task: StoredTask) -> Sequence[str]:
    right = wire.serialized(AssignmentModel, assignment_values(task))
    wrong = wire.differing(wire.without_defaults(AssignmentModel, copy), right)
    known = [name for name in wrong if name in copy or name not in ADDED]
    return known if len(known) == len(wrong) or _may_lack_added() else wrong


def _may_lack_added() -> bool:
    """Return whether servers of the previous release may still run."""
    try:
        return shared_state.contracted() < ADDED_BY
    except msgspec.ValidationError:  # a finding of its own
        return True


def _of_index_keys(task_item: Item, task: StoredTask) -> Iterator[Finding]:
    key, right = lookup.key_of(TaskModel, task_item), _task_index_keys(task_item, task)
    if wrong := wire.differing(task_item, right):
        detail = f"has wrong index keys: {', '.join(sorted(wrong))}"
        yield Finding(
            "misplaced", TaskModel, key, detail, partial(set_task_attributes, task_item, right)
        )


def _task_index_keys(task_item: Item, task: StoredTask) -> Values:
    values = wire.serialized(TaskModel, task_values(task, lane_count.lane_of(task_item)))
    return {name: values[name] for name in INDEX_KEY_NAMES}


def _of_assignees(task_item: Item, task: StoredTask, gone: Sequence[int]) -> Iterator[Finding]:
    key, count = lookup.key_of(TaskModel, task_item), len(task.assignees) - len(gone)
    if count > MAX_ASSIGNEES:
        detail = f"has {count} assignees; the maximum is {MAX_ASSIGNEES}"
        yield Finding("too-many-assignees", TaskModel, key, detail)
    if gone:
        detail = f"has assignees that do not exist: {', '.join(map(str, gone))}"
        yield Finding(
            "missing-users", TaskModel, key, detail, partial(unassign, task_item, task, gone)
        )


def set_task_attributes(task_item: Item, values: Values) -> None:
    """Set attributes of the task, unless it has changed."""
    set_attributes(TaskModel, task_item, values, {"version", "assignees", "created_at"})
