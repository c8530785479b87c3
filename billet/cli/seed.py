"""`billet seed`: add sample data to the tables.

It writes users and tasks in transactions, several in each, with the functions that the API uses.
The tables are consistent at every moment, even if others use them or the command is interrupted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import TypeVar

import click

from billet.cli import confirmation, progress
from billet.cli.errors import cli_errors
from billet.cli.sample_data import MAX_SAMPLE_ASSIGNEES, SampleData
from billet.integrity import lookup
from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import counters, task_writes, user_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.models import TaskModel, UserModel
from chalicelib.dynamodb.transaction import MAX_OPERATIONS, Transaction

T = TypeVar("T", User, Task)

USERS_PER_TRANSACTION = MAX_OPERATIONS // 2
"""Each user takes two operations: the user and the reservation of its name."""
TASKS_PER_TRANSACTION = MAX_OPERATIONS // (1 + 2 * MAX_SAMPLE_ASSIGNEES)
"""Each task takes one operation, and each assignee two: a copy and the user's count."""


@click.command()
@click.option(
    "--users", type=click.IntRange(min=0), default=100, show_default=True, help="Number of users."
)
@click.option(
    "--tasks", type=click.IntRange(min=0), default=1000, show_default=True, help="Number of tasks."
)
@click.option(
    "--seed",
    "random_seed",
    type=int,
    help="Random seed: the same number gives the same data on the same day.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@cli_errors()
def seed(users: int, tasks: int, random_seed: int | None, yes: bool) -> None:
    """Add sample users and tasks.

    About half of the tasks are assigned to one to three of the new users. The command asks for
    confirmation if the database has data. It is safe while the API runs, and can run repeatedly.
    """
    if not yes and _has_data():
        confirmation.ask(
            "The database has data. Add to it?", "the database has data; --yes adds to it"
        )
    added = {"users": 0, "tasks": 0}
    try:
        _add(users, tasks, random_seed, added)
    except KeyboardInterrupt:
        click.echo("\nStopped: added {users} users and {tasks} tasks".format_map(added), err=True)
        raise click.exceptions.Exit(130) from None
    click.echo("Added {users} users and {tasks} tasks".format_map(added))


def _has_data() -> bool:
    return any(next(lookup.items(model)) for model in (UserModel, TaskModel))


def _add(user_count: int, task_count: int, random_seed: int | None, added: dict[str, int]) -> None:
    """Write the data, and count in `added` what has been written."""
    today = datetime.combine(datetime.now(UTC), time.min, UTC)
    sample = SampleData(random_seed, until=today)
    length = user_count + task_count
    with progress.bar(length, "Seeding") as bar:
        users = sample.users(counters.allocate_ids("users", user_count))
        for user_batch in _batches(users, USERS_PER_TRANSACTION):
            write_users(user_batch)
            added["users"] += len(user_batch)
            bar.update(len(user_batch))
        tasks = sample.tasks(
            counters.allocate_ids("tasks", task_count), [user.id for user in users]
        )
        for task_batch in _batches(tasks, TASKS_PER_TRANSACTION):
            write_tasks(task_batch)
            added["tasks"] += len(task_batch)
            bar.update(len(task_batch))


def _batches(entities: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (entities[start : start + size] for start in range(0, len(entities), size))


def write_users(users: Sequence[User]) -> None:
    """Write up to USERS_PER_TRANSACTION users in one transaction."""
    transaction = Transaction()
    for user in users:
        user_writes.create_user(transaction, user)
    _commit(transaction)


def write_tasks(tasks: Sequence[Task]) -> None:
    """Write up to TASKS_PER_TRANSACTION tasks in one transaction.

    Args:
        tasks: each with up to MAX_SAMPLE_ASSIGNEES assignees.
    """
    transaction = Transaction()
    counts = Counter(user_id for task in tasks for user_id in task.assignees)
    for user_id, count in counts.items():
        user_writes.increment_assignment_count(transaction, user_id, count)
    for task in tasks:
        task_writes.create_task(transaction, task)
    _commit(transaction)


def _commit(transaction: Transaction) -> None:
    try:
        transaction.commit()
    except ConditionFailed as error:
        raise click.ClickException(
            "another client deleted a new user or took a new name; the data is consistent"
        ) from error
