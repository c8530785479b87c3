"""`billet task export`."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from billet.people import completion, names, session
from billet.people.command import PeopleCommand, WrongUsage
from billet.people.dates import Date, check_range
from billet.people.exchange.source import TASKS_A_PAGE
from billet.people.statuses import ALL, Statuses

if TYPE_CHECKING:
    from billet_client import Client, Task

Format = Literal["csv", "ics", "json"]
FORMATS: dict[str, Format] = {".csv": "csv", ".ics": "ics", ".json": "json"}
"""The formats by the endings of files' names."""


@click.command("export", cls=PeopleCommand)
@click.option("--csv", "format_", flag_value="csv", help="Write CSV, which import reads.")
@click.option("--ics", "format_", flag_value="ics", help="Write iCalendar, with a VTODO a task.")
@click.option(
    "--json", "format_", flag_value="json", help="Write the API's JSON, which import does not read."
)
@click.option(
    "--out",
    default="-",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="File to write, by default standard output. It is replaced when all tasks are read.",
)
@click.option("--status", type=Statuses(), default="all", help="As in billet task list.")
@click.option("--user", metavar="USER", shell_complete=completion.users, help="Only their tasks.")
@click.option("--unassigned", is_flag=True, help="Only tasks that are assigned to nobody.")
@click.option("--due-before", type=Date("before"), help="Only tasks due on this day or earlier.")
@click.option("--due-after", type=Date("after"), help="Only tasks due on this day or later.")
def export_command(
    format_: Format | None,
    out: str,
    status: tuple[str, ...],
    user: str | None,
    unassigned: bool,
    due_before: date | None,
    due_after: date | None,
) -> None:
    """Write tasks to a file or to standard output.

    Without an option, the name of the file says the format. docs/import.md describes the formats.

    \b
    Examples: billet task export --out tasks.csv
              billet task export --ics --user ann --status open
    """
    format_ = format_ or FORMATS.get(Path(out).suffix.lower())
    if format_ is None:
        raise WrongUsage(
            "give one of --csv, --ics and --json, or a file with such an ending: --out tasks.csv"
        )
    if user and unassigned:
        raise WrongUsage("give only one of --user and --unassigned")
    check_range("due", due_after, due_before)
    with session.connect() as billet:
        tasks = billet.tasks.list(
            status=None if set(status) == set(ALL) else status,  # type: ignore[arg-type]
            user=None if user is None else names.user_id(billet, user),
            unassigned=unassigned,
            due_before=due_before,
            due_after=due_after,
            page_size=TASKS_A_PAGE,
        )
        _write(out, format_, tasks, billet)


def _write(out: str, format_: Format, tasks: Iterable["Task"], billet: "Client") -> None:
    from billet.people.exchange import preview
    from billet.transfer import files

    number = 0

    def counted() -> Iterator["Task"]:
        nonlocal number
        for task in tasks:
            number += 1
            yield task

    with files.writing(out) as file:
        for part in _parts(format_, counted(), billet, mark=out != files.STANDARD):
            file.write(part)
    click.echo(f"Exported {preview.count(number, 'task')}", err=True)


def _parts(
    format_: Format, tasks: Iterable["Task"], billet: "Client", *, mark: bool
) -> Iterator[bytes]:
    from billet.people.exchange import exporting

    if format_ == "json":
        return exporting.as_json(tasks)
    usernames = _usernames(billet)
    if format_ == "csv":
        return exporting.as_csv(tasks, usernames, mark=mark)
    server = session.url()
    return exporting.as_ics(tasks, usernames, lambda task: f"{server}/v1/tasks/{task}")


def _usernames(billet: "Client") -> Callable[[int], str]:
    """Return a function that returns the username of a user's id, or the id if they are deleted."""
    known: dict[int, str] = {}

    def username(user: int) -> str:
        if user not in known:
            if not known:
                users: Any = billet.users.list(page_size=TASKS_A_PAGE)
                known.update((one.id, one.username) for one in users)
            known.setdefault(user, names.usernames(billet, [user]).get(user, str(user)))
        return known[user]

    return username
