"""Taking a task that somebody has from one state to the next, in it and all its copies at once.

Each try is one transaction on condition that the task is still as it was read. Where another change
came first, DynamoDB hands over what it met instead, and the next try starts from there, unless the
terms leave the task no other version.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from chalicelib.domain.errors import LostRace, NotFound
from chalicelib.dynamodb import backoff, queries
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.codec import Task, task_of
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services.write_context import WriteContext

ATTEMPTS = 12


class Guard(NamedTuple):
    """A user who must be there when the task changes, and how to say so in the change."""

    user_id: int
    add: Callable[[Transaction, int], int]


class Outcome(NamedTuple):
    """The task after a step, and whether the step has changed it."""

    task: Task
    changed: bool


def advance(
    task: Task, step: Callable[[Task], Task], terms: WriteContext, guard: Guard | None = None
) -> Outcome:
    """Takes the task to the state that `step` makes of it; where that is the same, writes nothing,
    and remembers nothing either.

    Raises:
        NotFound: the task, or the user of the guard, is gone.
        Stale: the task has none of the versions that it must have.
        LostRace: others changed the task at every attempt.
    """
    for _ in backoff.attempts(ATTEMPTS):
        after = step(task)
        terms.require("task", task.id, task.version)
        if after is task:
            return Outcome(task, changed=False)
        after = msgspec.structs.replace(after, version=task.version + 1)
        met = _commit(task, after, terms, guard)
        if met is None:
            return Outcome(after, changed=True)
        task = met
    raise LostRace


def remove(task: Task, terms: WriteContext) -> None:
    """Removes the task and its copies.

    Raises:
        NotFound: the task is gone.
        Stale: the task has none of the versions that it must have.
        LostRace: others changed the task at every attempt.
    """
    for _ in backoff.attempts(ATTEMPTS):
        terms.require("task", task.id, task.version)
        met = _commit(task, None, terms)
        if met is None:
            return
        task = met
    raise LostRace


def found_task(task_id: int) -> Task:
    """The task as it is; raises NotFound where there is none."""
    task = queries.task(task_id)
    if task is None:
        raise NotFound("task", task_id)
    return task


def met_task(failed: ConditionFailed, position: int, task_id: int) -> Task:
    """The task that a failed condition met; raises NotFound where there is none."""
    item = failed.found[position]
    if item is None:
        raise NotFound("task", task_id)
    return task_of(item)


def _commit(
    before: Task, after: Task | None, terms: WriteContext, guard: Guard | None = None
) -> Task | None:
    """Tries it once; gives None where it is done, else the task as it is by now."""
    change = Transaction()
    guarded = guard.add(change, guard.user_id) if guard else None
    position = change.task(before, after)
    terms.record(change, after)
    try:
        change.commit()
    except ConditionFailed as failed:
        if guard and guarded in failed.found:
            raise NotFound("user", guard.user_id) from None
        return met_task(failed, position, before.id)
    return None
