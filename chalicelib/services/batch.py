"""Several operations on tasks in one request: all or none in one transaction, or each by itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager

import msgspec

from chalicelib.domain.errors import (
    Invalid,
    NotFound,
    OperationFailed,
    Stale,
    TooManyAssignees,
)
from chalicelib.domain.task import Task, TaskFields, TaskUpdate
from chalicelib.dynamodb import clock, counters, queries
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.services import assignments, optimistic, tasks
from chalicelib.services.optimistic import PlannedChange, TaskChange, Writes
from chalicelib.services.write_context import NO_CONTEXT, WriteContext

MAX_RECORD = 380_000
"""The maximum size of the tasks in the response, as the idempotency record has them. DynamoDB's
limit for the item is 400 KB."""
MAX_WRITTEN = 3_600_000
"""The maximum size of all items that a transaction writes or deletes, in bytes. DynamoDB's limit
is 4 MB."""


class Create(msgspec.Struct, frozen=True):
    """Create a task."""

    fields: TaskFields


class _OfTask(msgspec.Struct, frozen=True, kw_only=True):
    """An operation on a task that exists."""

    task_id: int
    if_match: Collection[int] | None = None
    """The versions that the task may have; None accepts all."""


class Patch(_OfTask, frozen=True, kw_only=True):
    """Change some fields of a task."""

    values: TaskUpdate


class Delete(_OfTask, frozen=True, kw_only=True):
    """Delete a task."""


class Assign(_OfTask, frozen=True, kw_only=True):
    """Assign a task to a user."""

    user_id: int


Operation = Create | Patch | Delete | Assign


def run_one(operation: Operation, context: WriteContext = NO_CONTEXT) -> TaskChange | None:
    """Carry out one operation. Return the new or changed task, or None if it is deleted.

    Raises:
        BilletError: see the functions of `tasks` and `assignments`.
    """
    match operation:
        case Create():
            return tasks.create(operation.fields, context)
        case Patch():
            return tasks.update(operation.task_id, operation.values, context)
        case Delete():
            tasks.delete(operation.task_id, context)
            return None
        case Assign():
            return assignments.assign(operation.task_id, operation.user_id, context)


def run_all(
    operations: Sequence[Operation], context: WriteContext = NO_CONTEXT
) -> Sequence[Task | None]:
    """Carry out all operations in one transaction, or none. No two may be of the same task.

    Returns:
        For each operation: the task as it is then, or None if it is deleted.

    Raises:
        OperationFailed: an operation is not possible.
        Invalid: the operations do not fit into one transaction.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """

    def result_of(done: Sequence[TaskChange]) -> Sequence[Task | None]:
        found = [
            None if isinstance(one, Delete) else change.task
            for one, change in zip(operations, done, strict=True)
        ]
        _require_room(operations, done)
        return found

    return result_of(optimistic.commit(_planned(operations), context, result_of))


def _planned(operations: Sequence[Operation]) -> Sequence[PlannedChange]:
    found = queries.tasks([one.task_id for one in operations if not isinstance(one, Create)])
    count = sum(isinstance(one, Create) for one in operations)
    now = clock.now()
    idents = iter(counters.allocate_block("tasks", count) if count else ())
    changes = []
    for index, one in enumerate(operations):
        with _naming(index):
            change = (
                _creation(one, next(idents), now) if isinstance(one, Create) else _edit(one, found)
            )
        changes.append(_Numbered(index, change))
    return changes


def _creation(operation: Create, ident: int, now: str) -> PlannedChange:
    fields = msgspec.structs.asdict(operation.fields)
    return optimistic.Create(Task(**fields, id=ident, created_at=now))


def _edit(operation: Patch | Delete | Assign, found: Mapping[int, StoredTask]) -> PlannedChange:
    task = found.get(operation.task_id)
    if task is None:
        raise NotFound("task", operation.task_id)
    context = WriteContext(if_match=operation.if_match)
    match operation:
        case Patch():
            return tasks.edit(task, operation.values, context)
        case Delete():
            return optimistic.Delete(task, context)
        case Assign():
            return assignments.assignment(task, operation.user_id, context)


class _Numbered:
    """A planned change whose errors name the operation."""

    def __init__(self, index: int, change: PlannedChange) -> None:
        self._index = index
        self._change = change

    def add_to(self, writes: Writes) -> TaskChange:
        """See PlannedChange."""
        with _naming(self._index):
            return self._change.add_to(writes)

    def learn_from(self, failed: ConditionFailed, missing: Set[int]) -> None:
        """See PlannedChange."""
        with _naming(self._index):
            self._change.learn_from(failed, missing)


@contextmanager
def _naming(index: int) -> Iterator[None]:
    try:
        yield
    except (Invalid, NotFound, Stale, TooManyAssignees) as error:
        raise OperationFailed(index, error) from error


def _require_room(operations: Sequence[Operation], done: Sequence[TaskChange]) -> None:
    """Refuse what DynamoDB would refuse: a record or a transaction that is too large."""
    record = sum(
        len(msgspec.json.encode(msgspec.json.encode(change.task).decode()))  # JSON within JSON
        for one, change in zip(operations, done, strict=True)
        if not isinstance(one, Delete)
    )
    if record > MAX_RECORD or record + sum(map(_written, done)) > MAX_WRITTEN:
        raise Invalid(
            "operations: the tasks are too large for one transaction; send fewer operations, or use"
            " mode=each"
        )


def _written(change: TaskChange) -> int:
    """Return the size of the task and its copies, with those that are deleted."""
    states = [change.task] if change.before is None else [change.task, change.before]
    copies = {user_id for task in states for user_id in task.assignees}
    return max(len(msgspec.json.encode(task)) for task in states) * (1 + len(copies))
