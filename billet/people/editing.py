"""`billet task edit`: by options, or in an editor, without overwriting what others changed."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from billet.people import completion, dates, output, session, text
from billet.people.command import NothingDone, PeopleCommand, TaskId, WrongUsage, json_option
from billet.people.dates import EXAMPLES, DateOrNone
from billet.people.questions import confirm, is_interactive
from billet.people.statuses import Status

if TYPE_CHECKING:
    from billet_client import Client, Task

FIELDS = ("name", "status", "expires_at", "desc")
LABELS = {"expires_at": "due"}
ATTEMPTS = 5
"""How often a user may decide about a change of others."""
HELP = """\
# Task {id}. Change it, save, and leave the editor. Leave without saving to change nothing.
# status: pending, in_progress, done or cancelled. due: a date such as 2026-12-24 or fri.
# The description follows the empty line.
"""
Changes = dict[str, Any]


class _EditCommand(PeopleCommand):
    """The command, which names those that change assignees."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if "assign" not in error.option_name:
                raise
            raise click.UsageError(
                "edit does not change assignees; `billet task assign ID USER` and "
                "`billet task unassign ID USER` do",
                ctx,
            ) from None


@click.command(cls=_EditCommand)
@click.argument("task_id", metavar="ID", type=TaskId(), shell_complete=completion.open_tasks)
@click.option("--name", help="New name.")
@click.option("--desc", help="New description.")
@click.option("--due", type=DateOrNone(), help=f"New due date: {EXAMPLES}; none removes it.")
@click.option("--status", type=Status(), help="New status.")
@json_option
def edit(task_id: int, as_json: bool, due: Any, **options: Any) -> None:
    """Change a task, in $EDITOR if no option is given.

    If someone else has changed the task meanwhile, the command shows what, and does not overwrite
    it.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if due is not None:
        given["expires_at"] = due or None
    with session.connect() as billet:
        before = billet.tasks.get(task_id)
        if given:
            after = _save(billet, before, _only_changed(before, given))
        elif is_interactive() or _editor():
            after = _edit_in_editor(billet, before)
        else:
            raise WrongUsage("give what to change, such as --due fri; or set EDITOR")
        verb = "Unchanged:" if after.etag == before.etag else "Changed"
        output.report(verb, after, billet, as_json)
    if before.desc and not after.desc and not as_json:
        click.echo(f"Task {after.id} no longer has a description", err=True)


def _editor() -> str | None:
    return os.environ.get("VISUAL") or os.environ.get("EDITOR")


def _edit_in_editor(billet: "Client", before: "Task") -> "Task":
    """Change a task in the editor. What the user has written is kept if it is not saved."""
    document = _document(before)
    path = _written(before, document)
    try:
        after = _edit_file(billet, before, path)
    except BaseException as error:
        if _is_worth_keeping(path, document):
            if isinstance(error, KeyboardInterrupt | click.Abort):
                click.echo(err=True)
            click.echo(f"your text is in {path}", err=True)
        else:
            path.unlink(missing_ok=True)
        raise
    path.unlink()
    return after


def _edit_file(billet: "Client", before: "Task", path: Path) -> "Task":
    """Let the user edit a file until the API accepts it, or they give up."""
    from billet.people.client_errors import Refused

    while True:
        if not _is_saved_in_editor(path):
            raise NothingDone
        try:
            document = path.read_text(encoding="utf-8-sig")
            if _is_empty(document):
                raise click.ClickException("the file is empty; nothing was changed")
            return _save(billet, before, _only_changed(before, _parsed(document)))
        except UnicodeDecodeError:
            message = "the file must be UTF-8"
        except (ValueError, Refused) as error:
            message = str(error)
        if not is_interactive():
            raise click.ClickException(message)
        click.echo(f"Error: {message}", err=True)
        confirm("Edit again?", refusal="", default=True)


def _written(task: "Task", document: str) -> Path:
    """Write the document into a new file, and return its path."""
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"billet-task-{task.id}-", suffix=".md", delete=False, encoding="utf-8"
    ) as file:
        file.write(document)
    return Path(file.name)


def _is_saved_in_editor(path: Path) -> bool:
    """Open the editor, and return whether it has written the file."""
    os.utime(path, (0, 0))  # so that a save in the same tick of the clock changes the time, too
    click.edit(filename=str(path))
    return path.exists() and path.stat().st_mtime != 0


def _is_empty(document: str) -> bool:
    """Return whether there are only comments."""
    return all(line.startswith("#") or not line.strip() for line in document.splitlines())


def _is_worth_keeping(path: Path, document: str) -> bool:
    """Return whether the user has written a line."""
    return path.exists() and not {*path.read_bytes().splitlines()} <= {
        b"",
        *document.encode().splitlines(),
    }


def _document(task: "Task") -> str:
    due = task.expires_at or ""
    head = f"name: {task.name}\nstatus: {task.status.lower()}\ndue: {due}\n"
    return f"{HELP.format(id=task.id)}{head}\n{task.desc}\n"


def _parsed(document: str) -> Changes:
    """Return the fields in an edited document.

    Raises:
        ValueError: a line or value is not valid.
    """
    head, _, desc = document.partition("\n\n")
    fields: Changes = {"desc": desc}
    for line in head.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        label, colon, value = line.partition(":")
        if not colon or label.strip() not in ("name", "status", "due"):
            raise ValueError(f"{line!r}: must be a line with name:, status: or due:")
        fields[label.strip()] = value.strip()
    if "status" in fields:
        fields["status"] = _converted("status", fields["status"], Status())
    if "due" in fields:
        due = fields.pop("due")
        fields["expires_at"] = _converted("due", due, DateOrNone()) or None if due else None
    return fields


def _converted(label: str, value: str, kind: "click.ParamType[Any]") -> Any:
    """Return the value of a line.

    Raises:
        ValueError: it is not valid.
    """
    try:
        return kind.convert(value, None, None)
    except click.BadParameter as error:
        raise ValueError(f"{label}: {error.message}") from error


def _only_changed(task: "Task", fields: Mapping[str, Any]) -> Changes:
    return {
        name: value
        for name, value in fields.items()
        if _comparable(value) != _comparable(getattr(task, name))
    }


def _comparable(value: object) -> object:
    """Return a value without what editors change: the ends of lines and of the text."""
    return value.replace("\r\n", "\n").rstrip("\n") if isinstance(value, str) else value


def _save(billet: "Client", before: "Task", changes: Changes) -> "Task":
    """Save changes of this version of a task, or let the user decide about changes of others."""
    from billet.people.client_errors import refusals
    from billet_client import PreconditionFailed

    if "desc" in changes:
        changes["desc"] = changes["desc"].rstrip("\n")
    for _ in range(ATTEMPTS):
        if not changes:
            return before
        try:
            with refusals(changes):
                return billet.tasks.update(before.id, if_match=before.etag, **changes)
        except PreconditionFailed:
            theirs = billet.tasks.get(before.id)
        _show_conflict(billet, before, theirs, changes)
        if not is_interactive():
            raise click.ClickException(
                "nothing was saved; run the command again to change the new version"
            )
        confirm("Save your change on top of theirs?", refusal="")
        before, changes = theirs, _only_changed(theirs, changes)
    raise click.ClickException("nothing was saved; others change this task all the time")


def _show_conflict(billet: "Client", before: "Task", theirs: "Task", mine: Changes) -> None:
    known = output.usernames(billet, [before, theirs])
    click.echo(f"Someone else has changed task {before.id} since you opened it:", err=True)
    for name in (*FIELDS, "assignees"):
        old, new = getattr(before, name), getattr(theirs, name)
        if old != new:
            click.echo(_change_line(name, old, new, known), err=True)
    click.echo("Your change, which is not saved:", err=True)
    for name, new in mine.items():
        click.echo(_change_line(name, getattr(before, name), new, known), err=True)


def _change_line(name: str, old: object, new: object, known: text.Usernames) -> str:
    before, after = (_shown(value, known) for value in (old, new))
    return f"  {LABELS.get(name, name)}: {before} -> {after}"


def _shown(value: Any, known: text.Usernames) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(known.get(user, str(user)) for user in value)
    if isinstance(value, str):
        line = text.one_line(re.sub(r"\s+", " ", value))
        return repr(line if len(line) <= 60 else f"{line[:59]}…")
    return dates.full(value)
