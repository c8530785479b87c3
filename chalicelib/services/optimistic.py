"""Optimistic writes of tasks: read, change, and write if nobody else wrote in between.

A planned change (Create, Edit, Delete) adds its writes to a transaction, on condition that the task
has the version that was read. If a condition fails, DynamoDB returns the current task, and the next
attempt starts from there. `commit` writes one or several planned changes, all or none.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence, Set
from typing import Any, NamedTuple, Protocol

import msgspec

from chalicelib.domain.errors import LostRace, NotFound, Stale
from chalicelib.domain.task import Task
from chalicelib.dynamodb import backoff, clock, queries, task_writes, user_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.codec import TASKS, StoredTask
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import deleting_users
from chalicelib.services.write_context import WriteContext

ATTEMPTS = 12


class TaskChange(NamedTuple):
    """The task after a write, and whether the write changed it."""

    task: Task
    changed: bool
    before: Task | None = None
    """The task before the write, if it was read."""


class Writes:
    """The writes of one attempt: tasks with their copies, and the users who must exist."""

    def __init__(self) -> None:
        self.transaction = Transaction()
        self.joining: Counter[int] = Counter()
        """How many tasks are assigned to each user who did not have them before."""
        self.named: set[int] = set()
        """Other users who must exist."""
        self._guards: dict[int, int] = {}

    def add_guards(self) -> None:
        """Add an operation for each user: they exist, are not being deleted, and count the
        assignments. One operation for each, because a transaction has each item only once."""
        for user_id, count in self.joining.items():
            position = user_writes.increment_assignment_count(self.transaction, user_id, count)
            self._guards[position] = user_id
        for user_id in self.named - self.joining.keys():
            self._guards[user_writes.require_user(self.transaction, user_id)] = user_id

    def missing_users(self, failed: ConditionFailed) -> set[int]:
        """Return the users who do not exist."""
        return {self._guards[one] for one in failed.found if one in self._guards}


class PlannedChange(Protocol):
    """A change of one task, which may take several attempts."""

    def add_to(self, writes: Writes) -> TaskChange:
        """Add the writes of the next attempt. Return what they make of the task."""
        ...

    def learn_from(self, failed: ConditionFailed, missing: Set[int]) -> None:
        """Take over from a failed attempt what the task is now.

        Args:
            missing: the users who do not exist.

        Raises:
            NotFound: the task, or a user whom the change needs, does not exist.
        """
        ...


class Create(msgspec.Struct):
    """The creation of a task."""

    task: Task
    _position: int = -1

    def add_to(self, writes: Writes) -> TaskChange:
        """See PlannedChange."""
        writes.joining.update(self.task.assignees)
        self._position = task_writes.create_task(writes.transaction, self.task)
        return TaskChange(self.task, changed=True)

    def learn_from(self, failed: ConditionFailed, missing: Set[int]) -> None:
        """See PlannedChange."""
        _require_present(missing, self.task.assignees)
        if self._position in failed.found:
            raise failed  # the id was allocated twice


class _Existing:
    """The change of a task that exists."""

    def __init__(self, task: StoredTask, context: WriteContext) -> None:
        self._task = task
        self._context = context
        self._position = -1
        self._users: Collection[int] = ()

    def learn_from(self, failed: ConditionFailed, missing: Set[int]) -> None:
        """See PlannedChange."""
        _require_present(missing, self._users)
        if self._position in failed.found:
            self._task = current_task(failed, self._position, self._task.id)


class Edit(_Existing):
    """A new state of a task.

    Args:
        change: makes the new state; if it returns the same object, nothing is written.
        context: has the versions that the task may have.
        user_id: a user who must exist.
    """

    def __init__(
        self,
        task: StoredTask,
        change: Callable[[StoredTask], StoredTask],
        context: WriteContext,
        user_id: int | None = None,
    ) -> None:
        super().__init__(task, context)
        self._change = change
        self._named = () if user_id is None else (user_id,)

    def add_to(self, writes: Writes) -> TaskChange:
        """See PlannedChange.

        Raises:
            NotFound: a user who must exist does not.
            Stale: the task has none of the versions that it may have.
            Invalid, TooManyAssignees: `change` raises it.
        """
        before = self._task
        after = self._change(before)
        self._require_version()
        writes.named.update(self._named)
        if after is before:
            self._users = self._named
            self._position = task_writes.require_version(writes.transaction, before)
            return TaskChange(deleting_users.hide(before), changed=False, before=before)
        after = after.rewritten(clock.now_in_seconds())
        joining = [user_id for user_id in after.assignees if user_id not in before.assignees]
        writes.joining.update(joining)
        self._users = (*self._named, *joining)
        self._position = task_writes.update_task(writes.transaction, before, after)
        return TaskChange(deleting_users.hide(after), changed=True, before=before)

    def _require_version(self) -> None:
        try:
            self._context.require("task", self._task.id, self._task.version)
        except Stale:
            for user_id in self._named:  # a user who does not exist comes before any condition
                require_user(user_id)
            raise


class Delete(_Existing):
    """The removal of a task and its copies."""

    def add_to(self, writes: Writes) -> TaskChange:
        """See PlannedChange. Raises Stale: the task has none of the versions that it may have."""
        self._context.require("task", self._task.id, self._task.version)
        self._position = task_writes.delete_task(writes.transaction, self._task)
        return TaskChange(self._task, changed=True, before=self._task)


def commit(
    changes: Sequence[PlannedChange],
    context: WriteContext,
    result_of: Callable[[Sequence[TaskChange]], Any],
) -> Sequence[TaskChange]:
    """Write the planned changes, all or none. Their results leave out users being deleted.

    Args:
        context: has the idempotency record.
        result_of: makes what the service function returns.

    Raises:
        NotFound: a task or a user does not exist.
        Stale, Invalid, TooManyAssignees: a planned change raises it.
        TransactionTooLarge: the changes need too many writes.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes came first at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    for _ in backoff.attempts(ATTEMPTS):
        writes = Writes()
        done = [change.add_to(writes) for change in changes]
        if not any(one.changed for one in done):
            named = writes.named
            if missing := {one for one in named if deleting_users.existing_user(one) is None}:
                for change in changes:
                    change.learn_from(ConditionFailed({}), missing)
            context.commit_record(result_of(done))
            return done
        writes.add_guards()
        try:
            context.commit(writes.transaction, result_of(done))
        except ConditionFailed as failed:
            missing = writes.missing_users(failed)
            for change in changes:
                change.learn_from(failed, missing)
        else:
            return done
    raise LostRace


def commit_one(change: PlannedChange, context: WriteContext) -> TaskChange:
    """Write one planned change. See `commit`."""
    return commit([change], context, lambda done: done[0])[0]


def read_task(task_id: int) -> StoredTask:
    """Return the task; raise NotFound if it does not exist."""
    task = queries.task(task_id)
    if task is None:
        raise NotFound("task", task_id)
    return task


def require_user(user_id: int) -> None:
    """Raise NotFound if the user does not exist or is being deleted."""
    if deleting_users.existing_user(user_id) is None:
        raise NotFound("user", user_id)


def current_task(failed: ConditionFailed, position: int, task_id: int) -> StoredTask:
    """Return the task that a failed condition found; raise NotFound if there is none."""
    item = failed.found[position]
    if item is None:
        raise NotFound("task", task_id)
    return TASKS.of_item(item)


def _require_present(missing: Set[int], user_ids: Collection[int]) -> None:
    if gone := sorted(missing & set(user_ids)):
        raise NotFound("user", *gone)
