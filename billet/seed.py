"""Filling the tables with users and tasks that look like real ones.

All is written in transactions through the same changes as the API's own, each of many users or
tasks: so the tables are whole at every moment, also while others use them or when a run breaks off.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import TypeVar

import click

from billet.invention import MOST_ASSIGNEES, Invention
from billet.one_line_errors import one_line_errors
from chalicelib.storage import ids
from chalicelib.storage.changes import MOST_OPERATIONS, Change
from chalicelib.storage.client import ConditionFailed
from chalicelib.storage.records import Task, User

T = TypeVar("T", User, Task)

USERS_AT_ONCE = MOST_OPERATIONS // 2
"""A user, and the claim to the name."""
TASKS_AT_ONCE = MOST_OPERATIONS // (1 + 2 * MOST_ASSIGNEES)
"""A task, and for each assignee a copy of it and a count on the user."""


@click.command()
@click.option("--users", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--tasks", type=click.IntRange(min=0), default=1000, show_default=True)
@click.option("--seed", "number", type=int, help="Make up the same again, on the same day.")
@one_line_errors()
def seed(users: int, tasks: int, number: int | None) -> None:
    """Adds users and tasks, about half of the tasks assigned to one to three of these users.

    Safe on tables in use, and more than once.
    """
    invention = Invention(number, until=datetime.combine(datetime.now(UTC), time.min, UTC))
    with click.progressbar(length=users + tasks, label="Seeding", file=sys.stderr) as bar:
        people = invention.users(ids.next_ids("users", users))
        for some in _batches(people, USERS_AT_ONCE):
            write_users(some)
            bar.update(len(some))
        work = invention.tasks(ids.next_ids("tasks", tasks), [user.id for user in people])
        for batch in _batches(work, TASKS_AT_ONCE):
            write_tasks(batch)
            bar.update(len(batch))
    click.echo(f"Added {users} users and {tasks} tasks")


def _batches(records: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (records[start : start + size] for start in range(0, len(records), size))


def write_users(users: Sequence[User]) -> None:
    """Writes up to USERS_AT_ONCE users."""
    change = Change()
    for user in users:
        change.new_user(user)
    _send(change)


def write_tasks(tasks: Sequence[Task]) -> None:
    """Writes up to TASKS_AT_ONCE tasks, of up to MOST_ASSIGNEES users each."""
    change = Change()
    given = Counter(user_id for task in tasks for user_id in task.assignees)
    for user_id, times in given.items():
        change.user_assigned(user_id, times)
    for task in tasks:
        change.new_task(task)
    _send(change)


def _send(change: Change) -> None:
    try:
        change.commit()
    except ConditionFailed as failed:
        reason = "a new user was deleted, or a new name taken, meanwhile; the rest is whole"
        raise click.ClickException(reason) from failed
