"""`billet task list`."""

from collections.abc import Sequence
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


class _Options(NamedTuple):
    """What to list."""

    mine: bool
    user: str | None
    unassigned: bool
    status: Sequence[str]
    overdue: bool
    due_before: date | None
    due_after: date | None
    created_before: date | None
    created_after: date | None
    sort: str | None

    @property
    def by_creation(self) -> bool:
        """Whether the list is of days of creation, so that it is sorted by them."""
        return self.created_before is not None or self.created_after is not None


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
@click.option("--due-before", type=Date("before"), help="Only tasks due on this day or earlier.")
@click.option("--due-after", type=Date("after"), help="Only tasks due on this day or later.")
@click.option(
    "--created-before",
    type=Date("before"),
    help="Only tasks created on this day (UTC) or earlier, the newest first.",
)
@click.option(
    "--created-after",
    type=Date("after"),
    help="Only tasks created on this day (UTC) or later, the newest first.",
)
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
    chosen = _Options(**options)
    _check(chosen)
    with session.connect() as billet:
        user = names.ME if chosen.mine else chosen.user
        found = billet.tasks.list(
            user=None if user is None else names.user_id(billet, user),
            **_filters(chosen),
            page_size=min(limit + 1, MOST_A_PAGE),
        )
        tasks = list(islice(found, limit + 1))
        shown = tasks[:limit]
        if as_json:
            output.print_json(shown)
            return
        known = output.usernames(billet, shown)
    more = len(tasks) > limit
    if output.is_terminal():
        click.echo(text.safe(_heading(len(shown), _words(chosen), more=more)))
    if shown:
        output.print_tasks(shown, known)
    if more and output.is_terminal():
        click.echo(f"\n--limit {10 * limit} shows more", err=True)


def _check(options: _Options) -> None:
    """Refuse options that do not go together.

    Raises:
        click.UsageError: two of them do not.
    """
    _refuse_both(mine=options.mine, user=options.user, unassigned=options.unassigned)
    _refuse_both(overdue=options.overdue, due_before=options.due_before)
    dates.check_range("due", options.due_after, options.due_before)
    dates.check_range("created", options.created_after, options.created_before)
    if options.overdue and options.due_after and options.due_after >= dates.today():
        raise click.UsageError("--due-after: must be before today if --overdue is given")
    for name in ("due_before", "due_after", "overdue", "unassigned"):
        if options.sort == "created" and getattr(options, name):
            raise click.UsageError(f"{_option(name)} lists by due date; leave out --sort created")
        for other in ("created_before", "created_after"):
            _refuse_both(**{name: getattr(options, name), other: getattr(options, other)})
    if options.by_creation and options.sort == "due":
        name = "created_after" if options.created_after else "created_before"
        raise click.UsageError(f"{_option(name)} lists by creation; leave out --sort due")


def _filters(options: _Options) -> dict[str, Any]:
    """Return the arguments of the client."""
    yesterday = dates.today() - timedelta(days=1)
    return {
        "status": None if set(options.status) == set(ALL) else options.status,
        "due_before": yesterday if options.overdue else options.due_before,
        "due_after": options.due_after,
        "created_before": options.created_before,
        "created_after": options.created_after,
        "unassigned": options.unassigned,
        "sort": SORTS[options.sort or ("created" if options.by_creation else "due")],
    }


def _words(options: _Options) -> str:
    """Return what is listed: open tasks of ann due by Fri 27 Nov 2026."""
    words = [
        _status_words(options.status),
        "that nobody is assigned to" if options.unassigned else "",
        "of yours" if options.mine else f"of {options.user}" if options.user else "",
        "due before today" if options.overdue else "",
        _range_words("due", options.due_after, options.due_before),
        _range_words("created", options.created_after, options.created_before),
    ]
    return " ".join(filter(None, words))


def _range_words(what: str, first: date | None, last: date | None) -> str:
    if first == last and first:
        return f"{what} on {dates.full(first)}"
    if first and last:
        return f"{what} from {dates.full(first)} to {dates.full(last)}"
    if first:
        return f"{what} on {dates.full(first)} or later"
    return f"{what} by {dates.full(last)}" if last else ""


def _refuse_both(**options: object) -> None:
    given = [_option(name) for name, value in options.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"give only one of {' and '.join(given)}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
    words = words.replace("tasks", "task", 1) if count == 1 else words
    if more:
        return f"The first {'' if count == 1 else f'{count} '}{words}\n"
    return f"{count} {words}\n"
