"""Tables for a terminal."""

import os
from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from billet.people import dates, text
from billet.people.statuses import OPEN
from billet.people.text import Usernames
from billet_client import Task, User

_UNLIMITED = 10_000


def console() -> Console:
    """Return the terminal. A number in BILLET_FORCE_TTY is its width."""
    forced = os.environ.get("BILLET_FORCE_TTY", "")
    return Console(
        force_terminal=True if forced else None,
        width=int(forced) if forced.isascii() and forced.isdigit() and int(forced) > 1 else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_tasks(tasks: Sequence[Task], usernames: Usernames, today: date) -> None:
    """Print a row for each task. If the terminal is too narrow for all, names get the most."""
    terminal = console()
    table = _of_tasks(tasks, usernames, today)
    unlimited = terminal.options.update_width(_UNLIMITED)
    if Measurement.get(terminal, unlimited, table).maximum > terminal.width:
        table = _of_tasks(tasks, usernames, today, narrow=True)
        status, assignees = table.columns[2], table.columns[4]
        status.no_wrap = False
        status.max_width = len("in progress" if terminal.width >= 80 else "progress")
        assignees.max_width = max(10, terminal.width // 5 - 2)
    terminal.print(table)


def _of_tasks(
    tasks: Sequence[Task], usernames: Usernames, today: date, *, narrow: bool = False
) -> Table:
    table = _table("ID", "NAME", "STATUS", "DUE", "ASSIGNEES")
    for task in tasks:
        due = _due(task, today)
        table.add_row(
            Text(str(task.id)),
            Text(text.one_line(task.name)),
            Text(text.status(task), "" if task.status in OPEN else "dim"),
            Text(due.plain.replace(" (", "\n("), due.style) if narrow else due,
            Text(", ".join(text.assignees(task, usernames))),
        )
    return table


def of_users(users: Sequence[User]) -> Table:
    """Return a row for each user."""
    table = _table("ID", "NAME", "SINCE")
    for user in users:
        since = Text(dates.full(user.created_at))
        table.add_row(Text(str(user.id)), Text(text.one_line(user.username)), since)
    return table


def of_task(task: Task, usernames: Usernames, today: date) -> Table:
    """Return a row for each fact about a task."""
    table = _table("", "")
    table.show_header = False
    table.columns[0].style = "dim"
    facts = {
        "status": Text(text.status(task)),
        "due": _due(task, today) if task.expires_at else Text("none"),
        "assignees": Text(", ".join(text.assignees(task, usernames)) or "nobody"),
        "created": Text(dates.full(task.created_at)),
        "updated": Text(dates.moment(task.updated_at)),
    }
    for label, fact in facts.items():
        table.add_row(Text(label), fact)
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading == "ID" else "left",
            no_wrap=heading not in ("NAME", "ASSIGNEES", ""),
            overflow="fold",
        )
    return table


def _due(task: Task, today: date) -> Text:
    """Return the due date of a task: red if it is overdue, yellow if it is today."""
    due = task.expires_at
    if due is None:
        return Text("")
    if task.status not in OPEN:
        return Text(dates.short(due, today))
    return Text(
        dates.relative(due, today), "red" if due < today else "yellow" if due == today else ""
    )
