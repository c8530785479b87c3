"""Create many users and tasks with the transactions of the API, begin to delete users, and age
stored responses."""

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import (
    clock,
    counters,
    queries,
    shared_state,
    task_writes,
    user_writes,
)
from chalicelib.dynamodb.codec import set_or_remove
from chalicelib.dynamodb.models import IdempotencyModel
from chalicelib.dynamodb.transaction import Transaction


def add_users(count: int) -> list[int]:
    """Add users in batches of fifty and return their ids, ascending."""
    idents = counters.allocate_ids("users", count)
    for start in range(0, count, 50):
        change = Transaction()
        for ident in idents[start : start + 50]:
            user_writes.create_user(
                change, User(id=ident, username=f"user{ident}", created_at=clock.now())
            )
        change.commit()
    return idents


def add_tasks(
    count: int,
    assignees: Sequence[int] = (),
    at_once: int = 20,
    describe: Callable[[int], str] = lambda ident: "",
    **values: Any,
) -> list[int]:
    """Add tasks assigned to these users and return their ids, ascending."""
    idents = counters.allocate_ids("tasks", count)
    for start in range(0, count, at_once):
        batch = idents[start : start + at_once]
        change = Transaction()
        for user_id in assignees:
            user_writes.increment_assignment_count(change, user_id, len(batch))
        for ident in batch:
            task_writes.create_task(
                change, _task(ident, assignees, values | {"desc": describe(ident)})
            )
        change.commit()
    return idents


def mark_as_deleting(user_id: int) -> None:
    """Leave the user in the state of an interrupted delete."""
    user = queries.user(user_id)
    assert user is not None
    change = Transaction()
    user_writes.mark_as_deleting(change, user)
    change.commit()
    shared_state.forget()  # as if the cached copy had expired


def age_reply(item: IdempotencyModel, **times: int) -> None:
    """Set the times of an idempotency key, in seconds since 1970."""
    change = Transaction()
    change.update(IdempotencyModel(item.key), set_or_remove(IdempotencyModel, times))
    change.commit()


def _task(ident: int, assignees: Sequence[int], values: dict[str, Any]) -> Task:
    fields = {"name": "plan"} | values
    return Task(id=ident, created_at=clock.now(), assignees=tuple(assignees), **fields)
