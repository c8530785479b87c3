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

from billet.cli.errors import cli_errors
from billet.integrity import lookup
from billet.sample_data import MAX_SAMPLE_ASSIGNEES, SampleData
from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import counters, task_writes, user_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.models import TaskModel, UserModel
from chalicelib.dynamodb.transaction import MAX_OPERATIONS, Transaction

T = TypeVar("T", User, Task)

USERS_AT_ONCE = MAX_OPERATIONS // 2
"""A user, and the claim to the name."""
TASKS_AT_ONCE = MAX_OPERATIONS // (1 + 2 * MAX_SAMPLE_ASSIGNEES)
"""A task, and for each assignee a copy of it and a count on the user."""


@click.command()
@click.option("--users", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--tasks", type=click.IntRange(min=0), default=1000, show_default=True)
@click.option("--seed", "number", type=int, help="Make up the same again, on the same day.")
@click.option("--yes", is_flag=True, help="Do not ask, even if the database has data.")
@cli_errors()
def seed(users: int, tasks: int, number: int | None, yes: bool) -> None:
    """Adds users and tasks, about half of the tasks assigned to one to three of these users.

    Safe on tables in use, and more than once. Asks first if the database has data.
    """
    if not yes and _has_data():
        _ask()
    added = {"users": 0, "tasks": 0}
    try:
        _fill(users, tasks, number, added)
    except KeyboardInterrupt:
        click.echo("\nStopped: added {users} users and {tasks} tasks".format_map(added), err=True)
        raise click.exceptions.Exit(130) from None
    click.echo("Added {users} users and {tasks} tasks".format_map(added))


def _has_data() -> bool:
    return any(next(lookup.items(model)) for model in (UserModel, TaskModel))


def _ask() -> None:
    """Raise click.Abort if the answer is no, ClickException if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise click.ClickException("the database has data; --yes adds to it")
    click.confirm("The database has data. Add to it?", abort=True, err=True)


def _fill(users: int, tasks: int, number: int | None, added: dict[str, int]) -> None:
    """Add them, and count in `added` what was written."""
    invention = SampleData(number, until=datetime.combine(datetime.now(UTC), time.min, UTC))
    with click.progressbar(length=users + tasks, label="Seeding", file=sys.stderr) as bar:
        people = invention.users(counters.allocate_ids("users", users))
        for some in _batches(people, USERS_AT_ONCE):
            write_users(some)
            added["users"] += len(some)
            bar.update(len(some))
        work = invention.tasks(counters.allocate_ids("tasks", tasks), [user.id for user in people])
        for batch in _batches(work, TASKS_AT_ONCE):
            write_tasks(batch)
            added["tasks"] += len(batch)
            bar.update(len(batch))


def _batches(records: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (records[start : start + size] for start in range(0, len(records), size))


def write_users(users: Sequence[User]) -> None:
    """Writes up to USERS_AT_ONCE users."""
    transaction = Transaction()
    for user in users:
        user_writes.create_user(transaction, user)
    _send(transaction)


def write_tasks(tasks: Sequence[Task]) -> None:
    """Writes up to TASKS_AT_ONCE tasks, of up to MOST_ASSIGNEES users each."""
    transaction = Transaction()
    given = Counter(user_id for task in tasks for user_id in task.assignees)
    for user_id, times in given.items():
        user_writes.count_assignments(transaction, user_id, times)
    for task in tasks:
        task_writes.create_task(transaction, task)
    _send(transaction)


def _send(transaction: Transaction) -> None:
    try:
        transaction.commit()
    except ConditionFailed as failed:
        reason = "a new user was deleted, or a new name taken, meanwhile; the rest is whole"
        raise click.ClickException(reason) from failed
