"""Tasks of an iCalendar file, VTODO (RFC 5545), as calendar programs export them.

Each line is read by itself, so that one broken line hides no other. A recurring task is one task:
nothing is expanded.
"""

import io
from collections.abc import Iterator

from icalendar.parser import Contentline, Contentlines
from icalendar.prop import vText

from billet.people.exchange.source import FileError, Problem, Source, SourceTask

_STATUSES = {
    "NEEDS-ACTION": "PENDING",
    "IN-PROCESS": "IN_PROGRESS",
    "COMPLETED": "DONE",
    "CANCELLED": "CANCELLED",
}
_TEXTS = {"SUMMARY": "name", "DESCRIPTION": "desc"}


def read(text: str) -> Source:
    """Return the tasks.

    Raises:
        FileError: a VTODO has no end.
    """
    source = Source(
        kind="iCalendar",
        columns={
            "name": "SUMMARY",
            "desc": "DESCRIPTION",
            "due": "DUE",
            "status": "STATUS",
            "assignees": "ATTENDEE",
        },
    )
    for line, kind, block in _blocks(text):
        if kind == "VTODO":
            source.add(_task(line, block, source))
        else:
            source.left_out[f"{kind}s"] += 1
    return source


def _blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the components of a calendar, with their first lines, their kinds and their text."""
    kind, start, block = "", 0, list[str]()
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        word = line.strip().upper()
        if not kind and word in ("BEGIN:VTODO", "BEGIN:VEVENT", "BEGIN:VJOURNAL"):
            kind, start, block = word.removeprefix("BEGIN:"), number, []
        elif kind and word == f"END:{kind}":
            yield start, kind, "\r\n".join(block)
            kind = ""
        elif kind:
            block.append(line.rstrip("\n"))
    if kind:
        raise FileError(f"line {start}: this {kind} has no END:{kind}; the file is cut off")


def _task(line: int, block: str, source: Source) -> SourceTask:
    task = SourceTask(line=line, name="")
    depth = 0
    for content in Contentlines.from_ical(block):  # type: ignore[no-untyped-call]
        word = content.strip().upper()
        depth += word.startswith("BEGIN:") - word.startswith("END:")
        if depth == 0 and content:
            try:
                _take(task, content, source)
            except ValueError as error:
                source.problems.append(Problem(line, str(content)[:40], str(error)))
    return task


def _take(task: SourceTask, content: Contentline, source: Source) -> None:
    """Set the field of a task that a line gives.

    Raises:
        ValueError: the line is not as in RFC 5545.
    """
    name, parameters, value = content.parts()
    name = name.upper()
    if name in _TEXTS:
        setattr(task, _TEXTS[name], str(vText.from_ical(value)))
    elif name == "DUE":
        task.due = value
    elif name == "STATUS":
        task.status = _STATUSES.get(value.strip().upper(), value)
    elif name == "COMPLETED" and not task.status:
        task.status = "DONE"
    elif name == "ATTENDEE":
        task.assignees += (_person(str(parameters.get("CN", "")), value),)
    elif name in ("RRULE", "RDATE"):
        source.left_out["recurrences (a recurring task is imported once)"] += 1


def _person(name: str, address: str) -> str:
    """Return a person as in a letter: Ann Lee <ann@example.com>."""
    scheme, _, mailbox = address.partition(":")
    if scheme.lower() != "mailto":
        return name or address
    return f"{name} <{mailbox}>" if name and name != mailbox else mailbox
