"""What the commands print: tables on a terminal, tab-separated lines in a pipe, or JSON.

On a terminal, dates are relative and overdue tasks are red. In a pipe there are no headings and
no colours, and dates and statuses are those of the API, so that `cut`, `sort` and `grep` work.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from billet.people import dates, names, text

if TYPE_CHECKING:
    from billet_client import Client, Task, User


def is_terminal() -> bool:
    """Return whether people read the output: on a terminal, or BILLET_FORCE_TTY is set."""
    return bool(os.environ.get("BILLET_FORCE_TTY")) or sys.stdout.isatty()


def print_json(value: object) -> None:
    """Print a document as JSON, indented on a terminal."""
    import msgspec

    document = msgspec.json.encode(value)
    click.echo(msgspec.json.format(document) if is_terminal() else document)


def print_lines(rows: Iterable[Sequence[object]]) -> None:
    """Print rows with a tab between the columns."""
    for row in rows:
        click.echo("\t".join(text.one_line(str(cell)) for cell in row))


def usernames(billet: "Client", tasks: Iterable["Task"]) -> text.Usernames:
    """Return the usernames of the assignees of tasks."""
    return names.usernames(billet, {user for task in tasks for user in task.assignees})


def report(verb: str, task: "Task", billet: "Client", as_json: bool) -> None:
    """Print a task that a command has changed."""
    if as_json:
        print_json(task)
    else:
        report_all(verb, [task], billet, as_json)


def report_all(
    verb: str,
    tasks: Sequence["Task"],
    billet: "Client",
    as_json: bool,
    verbs: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Print tasks that a command has changed: a sentence each, or in a pipe a line of columns.

    Args:
        verbs: another verb for some of the tasks, by id.
    """
    if as_json:
        print_json(tasks)
        return
    known = usernames(billet, tasks)
    if is_terminal():
        for task in tasks:
            click.echo(f"{verbs.get(task.id, verb)} {text.sentence(task, known)}")
    else:
        print_lines(text.task_columns(task, known) for task in tasks)


def report_user(verb: str, user: "User", as_json: bool) -> None:
    """Print a user that a command has read or changed."""
    if as_json:
        print_json(user)
    elif is_terminal():
        click.echo(f"{verb} user {user.id}: {text.one_line(user.username)}")
    else:
        print_lines([text.user_columns(user)])


def print_tasks(tasks: Sequence["Task"], known: text.Usernames) -> None:
    """Print a table of tasks, or in a pipe their columns."""
    if is_terminal():
        from billet.people import tables

        tables.console().print(tables.of_tasks(tasks, known, dates.today()))
    else:
        print_lines(text.task_columns(task, known) for task in tasks)


def print_users(users: Sequence["User"]) -> None:
    """Print a table of users, or in a pipe their columns."""
    if is_terminal():
        from billet.people import tables

        tables.console().print(tables.of_users(users))
    else:
        print_lines(map(text.user_columns, users))


def print_task(task: "Task", known: text.Usernames) -> None:
    """Print all that is known about a task; in a pipe, its description follows a line `--`."""
    if not is_terminal():
        labels = ("id", "name", "status", "due", "assignees")
        print_lines(zip(labels, text.task_columns(task, known), strict=True))
        updated = task.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        print_lines([("created", task.created_at), ("updated", updated)])
        click.echo(f"--\n{task.desc}")
        return
    from billet.people import tables

    click.echo(f"{task.id}  {text.one_line(task.name)}")
    tables.console().print(tables.of_task(task, known, dates.today()))
    if task.desc:
        click.echo(f"\n{text.safe(task.desc)}")
