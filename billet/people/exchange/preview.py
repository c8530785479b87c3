"""Show what an import is going to do."""

from collections.abc import Iterable, Sequence

import click
from rich.table import Table
from rich.text import Text

from billet.people import tables
from billet.people.exchange.checking import Row, shorten
from billet.people.exchange.plan import Plan
from billet.people.exchange.source import FIELDS, Problem, Source
from billet.people.text import one_line

ROWS = 8
"""How many tasks are shown."""
PROBLEMS = 20
"""How many problems are shown."""
_MOST_PEOPLE = 24
"""Columns of the terminal."""


def show_source(source: Source) -> None:
    """Say how the file was read, and what of it is left out."""
    click.echo(f"Read {count(len(source.tasks), 'task')}: {source.kind}")
    if source.columns:
        pairs = [
            f"{field} from {source.columns[field]}" for field in FIELDS if field in source.columns
        ]
        click.echo(f"Fields: {'; '.join(pairs)}")
    for column, number in source.unused_columns.items():
        click.echo(f"Left out: column {column}, with a value in {count(number, 'row')}")
    for what, number in source.left_out.items():
        click.echo(f"Left out: {what}: {number}")
    for note in source.notes:
        click.echo(f"Note: {note}")


def show_plan(plan: Plan, users: Iterable[str], unit: str) -> None:
    """Show the first tasks, and how many there are."""
    rows = [ready.row for ready in plan.rows]
    if rows:
        console = tables.console()
        console.print(table(rows[:ROWS], unit, console.width))
    if len(rows) > ROWS:
        click.echo(f"… and {len(rows) - ROWS} more")
    if names := [shorten(name) for name in users]:
        shown = ", ".join(names[:ROWS]) + (", …" if len(names) > ROWS else "")
        click.echo(f"Creates {count(len(names), 'user')}: {shown}")
    if plan.there:
        click.echo(
            f"Already there: {count(plan.there, 'task')} with this name, description and due date"
        )
    if plan.different:
        lines = ", ".join(map(str, plan.different[:ROWS]))
        more = ", …" if len(plan.different) > ROWS else ""
        units = unit if len(plan.different) == 1 else f"{unit}s"
        click.echo(
            f"Not changed: {count(len(plan.different), 'task')} with another status or other "
            f"assignees than in the file ({units} {lines}{more}); an import only creates tasks"
        )
    if plan.deleted:
        click.echo(
            f"Imported before and deleted since: {count(plan.deleted, 'task')}"
            " (--again imports them again)"
        )


def show_problems(problems: Sequence[Problem], unit: str) -> None:
    """Print the first problems in the order of the file, and how many others there are."""
    for problem in sorted(problems)[:PROBLEMS]:
        column = shorten(problem.column)
        click.echo(f"{unit} {problem.line}, {column}: {problem.text}", err=True)
    if len(problems) > PROBLEMS:
        click.echo(f"… and {count(len(problems) - PROBLEMS, 'problem')} more", err=True)


def count(number: int, what: str) -> str:
    """Return a number with its noun: 1 task, 2 tasks."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def table(rows: Sequence[Row], unit: str, width: int) -> Table:
    """Return the table of rows, each in one line of a terminal with this width."""
    people = [", ".join(map(shorten, row.assignees)) for row in rows]
    people_width = min(_MOST_PEOPLE, max(len("ASSIGNEES"), *map(len, people)))
    others = {unit.upper(): 5, "STATUS": 11, "DUE": 10, "ASSIGNEES": people_width}
    shown = tables.beside_names(others, tables.LEAST_NAME, width)
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column(unit.upper(), justify="right", no_wrap=True)
    name_width = max(tables.LEAST_NAME, width - sum(shown.values()) - 2 * len(shown))
    made.add_column("NAME", no_wrap=True, overflow="ellipsis", max_width=name_width)
    for heading in list(shown)[1:]:
        made.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=shown[heading])
    for row, names in zip(rows, people, strict=True):
        cells = (str(row.line), one_line(row.name), row.status, row.expires_at or "", names)
        made.add_row(*map(Text, cells[: 1 + len(shown)]))
    return made
