"""Tables for a terminal."""

import os
from collections.abc import Mapping, Sequence
from datetime import date

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from billet.people import dates, text
from billet.people.statuses import OPEN
from billet.people.text import Usernames
from billet_client import Task, User

_UNLIMITED = 10_000
# Columns of the terminal
_WIDE = 80
_GAP = 2
LEAST_NAME = 12


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
    table = _of_rows([_row(task, usernames, today) for task in tasks])
    unlimited = terminal.options.update_width(_UNLIMITED)
    if Measurement.get(terminal, unlimited, table).maximum > terminal.width:
        table = _of_narrow_rows([_row(task, usernames, today) for task in tasks], terminal.width)
    terminal.print(table)


def _row(task: Task, usernames: Usernames, today: date) -> dict[str, Text]:
    """Return the cells of a task by their headings."""
    return {
        "ID": Text(str(task.id)),
        "NAME": Text(text.one_line(task.name)),
        "STATUS": Text(text.status(task), "" if task.status in OPEN else "dim"),
        "DUE": _due(task, today),
        "ASSIGNEES": Text(", ".join(text.assignees(task, usernames))),
    }


def _of_rows(rows: Sequence[Mapping[str, Text]]) -> Table:
    table = _table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    return table


def _of_narrow_rows(rows: Sequence[dict[str, Text]], width: int) -> Table:
    """Return a table in which columns are left out until names have enough room."""
    for row in rows:
        due, status = row["DUE"], row["STATUS"]
        row["DUE"] = Text(due.plain.replace(" (", "\n("), due.style)
        if width < _WIDE:
            row["STATUS"] = Text(status.plain.replace(" ", "\n"), status.style)
    widths = {heading: _width(heading, rows) for heading in rows[0]}
    name = widths.pop("NAME")
    widths["ASSIGNEES"] = min(widths["ASSIGNEES"], max(10, width // 5 - 2))
    widths = beside_names(widths, min(name, LEAST_NAME), width)
    table = _of_rows([{key: row[key] for key in row if key in ("NAME", *widths)} for row in rows])
    if "ASSIGNEES" in widths:
        table.columns[-1].max_width = widths["ASSIGNEES"]
    return table


def beside_names(widths: Mapping[str, int], least: int, width: int) -> dict[str, int]:
    """Return the columns beside NAME with their widths: without the last ones if it is too narrow.

    Args:
        least: the width that NAME needs.
        width: that of the terminal.
    """
    shown = dict(widths)
    while len(shown) > 1 and width - sum(shown.values()) - _GAP * len(shown) < least:
        shown.popitem()
    return shown


def _width(heading: str, rows: Sequence[Mapping[str, Text]]) -> int:
    lines = (line for row in rows for line in row[heading].plain.split("\n"))
    return max(map(cell_len, (heading, *lines)))


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
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
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
