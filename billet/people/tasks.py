"""`billet task`: add, list, show, change, assign and delete tasks."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from billet.people import completion, names, output, session, text
from billet.people.command import PeopleGroup, TaskId, WrongUsage, json_option
from billet.people.dates import EXAMPLES, Date
from billet.people.editing import edit
from billet.people.listing import list_command
from billet.people.questions import confirm, require_terminal
from billet.people.session import ANY_VERSION
from billet.people.statuses import Status

if TYPE_CHECKING:
    from billet_client import BatchResult, Client, Operation, Task

EXCHANGE = {"import": "import_command", "export": "export_command"}
MOST_AT_ONCE = 50
"""Operations of one batch."""
ATTEMPTS = 5
"""How often a change is made anew if someone else has changed the task meanwhile."""


class _TaskGroup(PeopleGroup):
    """The group, with `import` and `export`, which are loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *EXCHANGE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in EXCHANGE:
            return super().get_command(ctx, cmd_name)
        from billet.people.exchange import commands

        command: click.Command = getattr(commands, EXCHANGE[cmd_name])
        return command


@click.group(cls=_TaskGroup)
def task() -> None:
    """Add, list, change and assign tasks.

    The commands use the server of BILLET_URL, of `billet login` or of this folder, by default
    http://localhost:3000. Users are given by username or id; @me is the user of `billet login --as`
    or BILLET_USER.
    """


task.add_command(list_command)
task.add_command(edit)
one_task = click.argument(
    "task_id", metavar="ID", type=TaskId(), shell_complete=completion.open_tasks
)
_ID = click.Argument(["task_id"], metavar="ID")
several_tasks = click.argument(
    "ids",
    metavar="ID...",
    type=TaskId(),
    nargs=-1,
    required=True,
    shell_complete=completion.open_tasks,
)
task_and_users = click.argument(
    "words",
    metavar="ID USER... | ID...",
    nargs=-1,
    required=True,
    shell_complete=completion.tasks_or_users,
)


def _users_option(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(
        name, "users", metavar="USER", multiple=True, shell_complete=completion.users, help=text
    )


@task.command()
@click.argument("name")
@click.option("--desc", default="", help="Description.")
@click.option("--due", type=Date(), help=f"Due date: {EXAMPLES}.")
@click.option(
    "--assign",
    "assignees",
    metavar="USER",
    multiple=True,
    shell_complete=completion.users,
    help="Assign to this user; may be given several times.",
)
@click.option("--status", type=Status(), default="PENDING", help="pending (default), in_progress…")
@json_option
def add(
    name: str, desc: str, due: date | None, assignees: Sequence[str], status: Any, as_json: bool
) -> None:
    """Add a task.

    Example: billet task add "Write the report" --due fri --assign ann
    """
    from billet.people.client_errors import refusals

    options: dict[str, Any] = {"desc": desc, "status": status, "expires_at": due}
    with session.connect() as billet:
        if assignees:
            options["assignees"] = names.user_ids(billet, assignees)
        with refusals({"name": name, "desc": desc}):
            added = billet.tasks.create(name, **options)
        output.report("Added", added, billet, as_json)


@task.command()
@one_task
@json_option
def show(task_id: int, as_json: bool) -> None:
    """Show a task."""
    with session.connect() as billet:
        found = billet.tasks.get(task_id)
        if as_json:
            output.print_json(found)
        else:
            output.print_task(found, output.usernames(billet, [found]))


@task.command()
@several_tasks
@json_option
def done(ids: Sequence[int], as_json: bool) -> None:
    """Set tasks to done."""
    _set_status(ids, "DONE", "Finished", as_json)


@task.command()
@several_tasks
@json_option
def start(ids: Sequence[int], as_json: bool) -> None:
    """Set tasks to in progress."""
    _set_status(ids, "IN_PROGRESS", "Started", as_json)


@task.command()
@several_tasks
@json_option
def cancel(ids: Sequence[int], as_json: bool) -> None:
    """Set tasks to cancelled."""
    _set_status(ids, "CANCELLED", "Cancelled", as_json)


@task.command()
@task_and_users
@_users_option("--to", "Assign all tasks to this user; may be given several times.")
@json_option
def assign(words: Sequence[str], users: Sequence[str], as_json: bool) -> None:
    """Assign a task to users, or with --to several tasks.

    \b
    Examples: billet task assign 4 ann bob
              billet task assign 4 5 6 --to ann --to bob
    """

    def added(now: Sequence[int], chosen: Sequence[int]) -> Sequence[int]:
        return [*now, *(user for user in chosen if user not in now)]

    _change_assignees(words, users, added, ("Assigned", "Already assigned:"), as_json)


@task.command()
@task_and_users
@_users_option("--from", "Unassign all tasks from this user; may be given several times.")
@json_option
def unassign(words: Sequence[str], users: Sequence[str], as_json: bool) -> None:
    """Unassign a task from users, or with --from several tasks.

    \b
    Examples: billet task unassign 4 ann bob
              billet task unassign 4 5 6 --from ann
    """

    def removed(now: Sequence[int], chosen: Sequence[int]) -> Sequence[int]:
        return [user for user in now if user not in chosen]

    _change_assignees(words, users, removed, ("Unassigned", "Not assigned before:"), as_json)


@task.command()
@several_tasks
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def rm(ids: Sequence[int], yes: bool, as_json: bool) -> None:
    """Delete tasks, after a question.

    A deleted task cannot be brought back. `billet task cancel` keeps the task.
    """
    from billet_client import Delete

    chosen = list(dict.fromkeys(ids))
    with session.connect() as billet:
        if not yes:
            _ask_to_delete(billet, chosen)
        results = _batch(billet, [Delete(one, if_match=ANY_VERSION) for one in chosen])
    deleted = [result.id for result in results if not result.error]
    if as_json:
        output.print_json([{"id": one} for one in deleted])
    elif output.is_terminal():
        for one in deleted:
            click.echo(f"Deleted task {one}")
    else:
        output.print_lines([(one,) for one in deleted])
    _fail_if_any_failed(results)


def _change_assignees(
    words: Sequence[str],
    users: Sequence[str],
    change: Callable[[Sequence[int], Sequence[int]], Sequence[int]],
    verbs: tuple[str, str],
    as_json: bool,
) -> None:
    """Change the assignees of tasks, each by itself.

    Args:
        words: a task and users, or if `users` are given, tasks.
        change: returns the assignees of a task from those that it has and the users.
        verbs: for a task that is changed, and for one that is not.
    """
    from billet_client import ApiError

    several = bool(users)
    tasks, users = (words, users) if several else (words[:1], words[1:])
    if not users:
        raise WrongUsage("give users, as in 1 ann, or 1 2 --to ann (unassign: --from ann)")
    ids = dict.fromkeys(TaskId().convert(one, _ID, None) for one in tasks)
    changed, unchanged, errors = [], {}, []
    with session.connect() as billet:
        chosen = names.user_ids(billet, users)
        for one in ids:
            try:
                before, after = _set_assignees(billet, one, lambda now: change(now, chosen))
            except ApiError as error:
                if not several:
                    raise
                errors.append(str(error))
                continue
            changed.append(after)
            if after is before:
                unchanged[one] = verbs[1]
        shown: Any = changed if several else changed[0]
        if as_json:
            output.print_json(shown)
        else:
            output.report_all(verbs[0], changed, billet, as_json, unchanged)
    _fail_with(errors)


def _set_assignees(
    billet: "Client", task_id: int, change: Callable[[Sequence[int]], Sequence[int]]
) -> "tuple[Task, Task]":
    """Change the assignees of a task at once, and return the task before and after.

    Changes of others are kept. If nothing is to be changed, it returns the same task twice.
    """
    from billet_client import PreconditionFailed

    def change_once() -> "tuple[Task, Task]":
        task = billet.tasks.get(task_id)
        assignees = list(change(task.assignees))
        if assignees == list(task.assignees):
            return task, task
        return task, billet.tasks.update(task_id, if_match=task.etag, assignees=assignees)

    for _ in range(ATTEMPTS - 1):
        with suppress(PreconditionFailed):
            return change_once()
    return change_once()


def _ask_to_delete(billet: "Client", ids: Sequence[int]) -> None:
    """Show the tasks and ask whether to delete them, unless none of them exists."""
    from billet_client import NotFound

    refusal = "add --yes to delete without a question"
    require_terminal(refusal)
    number = len(ids)
    for one in ids[:MOST_AT_ONCE]:
        try:
            click.echo(f"  {one}  {text.one_line(billet.tasks.get(one).name)}", err=True)
        except NotFound:
            click.echo(f"  {one}  (does not exist)", err=True)
            number -= 1
    if len(ids) > MOST_AT_ONCE:
        click.echo(f"  … and {len(ids) - MOST_AT_ONCE} more", err=True)
    what = "this task" if number == 1 else f"these {number} tasks"
    if number:
        confirm(f"Delete {what}?", refusal)


def _set_status(ids: Sequence[int], status: Any, verb: str, as_json: bool) -> None:
    from billet_client import Patch

    with session.connect() as billet:
        chosen = list(dict.fromkeys(ids))
        unchanged = set() if as_json else _having_status(billet, chosen, status)
        changes = [Patch(one, status=status, if_match=ANY_VERSION) for one in chosen]
        results = _batch(billet, changes)
        changed = [result.payload for result in results if result.payload]
        verbs = {one: f"Already {text.status_words(status)}:" for one in unchanged}
        output.report_all(verb, changed, billet, as_json, verbs)
    _fail_if_any_failed(results)


def _having_status(billet: "Client", ids: Sequence[int], status: str) -> set[int]:
    """Return the tasks that have a status, to tell people on a terminal; none in a pipe."""
    from billet_client import NotFound

    found = set()
    for one in ids if output.is_terminal() else ():
        with suppress(NotFound):
            if billet.tasks.get(one).status == status:
                found.add(one)
    return found


def _batch(billet: "Client", operations: "Sequence[Operation]") -> "list[BatchResult]":
    """Carry out each operation by itself: those that can be done are done."""
    results: list[BatchResult] = []
    for first in range(0, len(operations), MOST_AT_ONCE):
        part = operations[first : first + MOST_AT_ONCE]
        results += billet.tasks.batch(part, mode="each")
    return results


def _fail_if_any_failed(results: "Sequence[BatchResult]") -> None:
    """Print what failed, one line for each.

    Raises:
        click.exceptions.Exit: something did.
    """
    _fail_with([result.error.detail for result in results if result.error])


def _fail_with(errors: Sequence[str]) -> None:
    """Print errors, one line for each.

    Raises:
        click.exceptions.Exit: there is one.
    """
    for line in errors:
        click.echo(f"Error: {text.one_line(line)}", err=True)
    if errors:
        raise click.exceptions.Exit(1)
