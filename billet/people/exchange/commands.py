"""`billet task import`, and the command `billet task export` beside it."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from billet.cli import progress
from billet.people import questions, session
from billet.people.command import PeopleCommand, WrongUsage
from billet.people.exchange import options
from billet.people.exchange.due_dates import Order
from billet.people.exchange.export_command import export_command
from billet.people.exchange.source import TASKS_A_PAGE, Field, FileError, Format, Problem, Source

if TYPE_CHECKING:
    from billet.people.exchange.assignees import Users
    from billet.people.exchange.checking import Row
    from billet.people.exchange.ledger import Ledger
    from billet.people.exchange.plan import Plan
    from billet_client import Client, Status

__all__ = ["export_command", "import_command"]


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `billet task import`."""

    format_: Format | None
    encoding: str | None
    mapping: Mapping[Field, str]
    statuses: Mapping[str, "Status"]
    date_order: Order | None
    create_users: bool
    archived: bool
    again: bool
    dry_run: bool
    yes: bool


@click.command("import", cls=PeopleCommand)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--format", "format_", type=click.Choice(get_args(Format)), help="Format, if not found out."
)
@click.option("--encoding", help="Encoding of the file, such as cp1250, if not found out.")
@click.option(
    "--map",
    "mapping",
    metavar="FIELD=COLUMN",
    multiple=True,
    callback=options.mapping,
    help="Column of CSV for name, desc, due, status or assignees; no COLUMN leaves the field out.",
)
@click.option(
    "--map-status",
    "statuses",
    metavar="WORD=STATUS",
    multiple=True,
    callback=options.statuses,
    help="Status that a word in the file, or a list of Trello, stands for.",
)
@click.option(
    "--date-order", type=click.Choice(get_args(Order)), help="Order of day and month in 3/4/2026."
)
@click.option("--create-users", is_flag=True, help="Create the assignees that do not exist.")
@click.option("--archived", is_flag=True, help="Import archived cards of Trello, too.")
@click.option("--again", is_flag=True, help="Import tasks that were deleted after an import, too.")
@click.option("--dry-run", is_flag=True, help="Check and show, and write nothing.")
@click.option("--yes", is_flag=True, help="Import without a question.")
def import_command(file: str, **given: Any) -> None:
    """Create the tasks in FILE: CSV, Todoist's CSV, Trello's JSON, or iCalendar.

    - is standard input. The whole file is checked before anything is written. Importing a file
    again creates only what is new in it. docs/import.md describes the formats.
    """
    chosen = ImportOptions(**given)
    source = _read(file, chosen)
    with session.connect() as billet:
        rows, users = _checked(source, billet, chosen)
        _import(billet, rows, users, chosen, source)


def _read(file: str, chosen: ImportOptions) -> Source:
    from billet.people.exchange import formats, text_files

    interactive = file != text_files.STANDARD and sys.stdin.isatty()
    try:
        return formats.read(
            text_files.read(file),
            format_=chosen.format_,
            encoding=chosen.encoding,
            mapping=chosen.mapping,
            statuses=chosen.statuses,
            ask=options.ask_for_columns if interactive else None,
            archived=chosen.archived,
        )
    except LookupError as error:
        raise WrongUsage(f"--encoding: {error}") from error


def _checked(source: Source, billet: "Client", chosen: ImportOptions) -> "tuple[list[Row], Users]":
    """Return the rows of the file, and the users that it names.

    Raises:
        FileError: something is wrong with a row; all that is wrong has been printed.
    """
    from billet.people.exchange import assignees, checking, preview
    from billet_client import BilletError

    rows, problems = checking.check(source, chosen.statuses, chosen.date_order)
    preview.show_source(source)
    users = assignees.Users(billet)
    tolerated = (BilletError,) if problems else ()
    with suppress(*tolerated):  # the file's problems are told also if the API does not respond
        problems += assignees.problems(rows, source, users, create=chosen.create_users)
    if problems:
        preview.show_problems(problems, source.unit)
        raise FileError(f"{_of(problems)} must be corrected first; nothing was imported")
    return rows, users


def _of(problems: list[Problem]) -> str:
    from billet.people.exchange.preview import count

    return count(len(problems), "problem")


def _import(
    billet: "Client", rows: "list[Row]", users: "Users", chosen: ImportOptions, source: Source
) -> None:
    from billet.people.exchange import assignees, ledger, plan, preview

    with ledger.opened(session.url(), write=not chosen.dry_run) as book:
        tasks = billet.tasks.list(page_size=TASKS_A_PAGE)
        with_status = {task.line for task in source.tasks if task.status.strip()}
        existing = plan.look_up(assignees.ready(rows, users), book.imported(), tasks, with_status)

        def planned() -> plan.Plan:
            ready = assignees.ready(rows, users)
            return plan.make(ready, existing, book.sent(), again=chosen.again)

        first = planned()
        preview.show_plan(first, users.missing.values(), source.unit)
        tasks_to_create = preview.count(len(first.rows), "task")
        if not first.rows:
            click.echo("There is nothing to import")
        elif chosen.dry_run:
            click.echo(f"Would import {tasks_to_create} into {session.url()}; nothing was written")
        else:
            if not chosen.yes:
                questions.confirm(
                    f"Import {tasks_to_create} into {session.url()}?",
                    "--yes imports without a question",
                )
            users.create_missing()
            _write(billet, planned(), book, source.unit)
            click.echo(f"Imported {tasks_to_create} into {session.url()}")


def _write(billet: "Client", plan: "Plan", book: "Ledger", unit: str) -> None:
    from billet.people.exchange import sending

    with progress.bar(len(plan.rows), "Importing") as bar:
        sending.send(billet, plan, book, unit, bar.update)
