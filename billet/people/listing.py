"""`billet task list`."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any, NamedTuple

import click

from billet.people import completion, dates, names, output, session, text
from billet.people.command import PeopleCommand, json_option
from billet.people.dates import Date
from billet.people.statuses import ALL, OPEN, Statuses

LIMIT = 30
MOST_A_PAGE = 100
SORTS = {"due": "expires_at", "created": "created_at"}


class _Question(NamedTuple):
    """What to list: arguments of the client, and the words for them."""

    arguments: Mapping[str, Any]
    user: str | None
    words: str


@click.command("list", cls=PeopleCommand)
@click.option("--mine", is_flag=True, help="Only tasks that are assigned to you.")
@click.option(
    "--user", metavar="USER", shell_complete=completion.users, help="Only tasks of this user."
)
@click.option("--unassigned", is_flag=True, help="Only tasks that are assigned to nobody.")
@click.option(
    "--status",
    type=Statuses(),
    default="open",
    help="open (pending and in_progress; default), closed, all, or statuses such as pending,done.",
)
@click.option("--overdue", is_flag=True, help="Only tasks that were due before today.")
@click.option("--due-before", type=Date(), help="Only tasks due on this day or earlier.")
@click.option("--due-after", type=Date(), help="Only tasks due on this day or later.")
@click.option(
    "--sort",
    type=click.Choice(list(SORTS)),
    help="due: the most urgent first (default); created: the newest first.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="The most to show."
)
@json_option
def list_command(limit: int, as_json: bool, **options: Any) -> None:
    """List open tasks, the most urgent first.

    In a pipe, the columns are id, name, status, due date and assignees, with tabs between them.

    \b
    Examples: billet task list --mine --due-before fri
              billet task list --overdue --json
              billet task list --status all | cut -f1,2
    """
    today = dates.today()
    question = _question(today, **options)
    with session.connect() as billet:
        arguments = dict(question.arguments)
        if question.user is not None:
            arguments["user"] = names.user_id(billet, question.user)
        found = billet.tasks.list(**arguments, page_size=min(limit + 1, MOST_A_PAGE))
        tasks = list(islice(found, limit + 1))
        shown = tasks[:limit]
        if as_json:
            output.print_json(shown)
            return
        known = output.usernames(billet, shown)
    more = len(tasks) > limit
    if output.is_terminal():
        click.echo(text.safe(_heading(len(shown), question.words, more=more)))
    if shown:
        output.print_tasks(shown, known)
    if more and output.is_terminal():
        click.echo(f"\n--limit {10 * limit} shows more", err=True)


def _question(
    today: date,
    *,
    mine: bool,
    user: str | None,
    unassigned: bool,
    status: Sequence[str],
    overdue: bool,
    due_before: date | None,
    due_after: date | None,
    sort: str | None,
) -> _Question:
    _refuse_both(("--mine", mine), ("--user", user), ("--unassigned", unassigned))
    _refuse_both(("--overdue", overdue), ("--due-before", due_before))
    for option, given in (
        ("--due-before", due_before),
        ("--due-after", due_after),
        ("--overdue", overdue),
        ("--unassigned", unassigned),
    ):
        if sort == "created" and given:
            raise click.UsageError(f"{option} lists by due date; leave out --sort created")
    words = [_status_words(status)]
    if unassigned:
        words.append("that nobody is assigned to")
    if mine:
        words.append("of yours")
    if user:
        words.append(f"of {user}")
    if overdue:
        due_before = today - timedelta(days=1)
        words.append("due before today")
    if due_after:
        words.append(f"due from {dates.full(due_after)}")
    if due_before and not overdue:
        words.append(f"due by {dates.full(due_before)}")
    arguments = {
        "status": None if set(status) == set(ALL) else list(status),
        "due_before": due_before,
        "due_after": due_after,
        "unassigned": unassigned,
        "sort": SORTS[sort or "due"],
    }
    return _Question(arguments, names.ME if mine else user, " ".join(words))


def _refuse_both(*options: tuple[str, object]) -> None:
    given = [name for name, value in options if value]
    if len(given) > 1:
        raise click.UsageError(f"give only one of {' and '.join(given)}")


def _status_words(status: Sequence[str]) -> str:
    if set(status) == set(ALL):
        return "tasks"
    if set(status) == set(OPEN):
        return "open tasks"
    return f"{' and '.join(text.status_words(one) for one in status)} tasks"


def _heading(count: int, words: str, *, more: bool) -> str:
    """Return what is listed: 3 open tasks of yours."""
    if count == 0:
        return f"There are no {words}"
    if more:
        return f"The first {count} {words}\n"
    return f"{count} {words.replace('tasks', 'task', 1) if count == 1 else words}\n"
