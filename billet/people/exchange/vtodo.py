"""Tasks of an iCalendar file, VTODO (RFC 5545), as calendar programs export them.

Each line is read by itself, so that one broken line hides no other. A recurring task is one task:
nothing is expanded.
"""

import re
from collections.abc import Iterator

from icalendar.parser import Contentline, Contentlines
from icalendar.prop import vText

from billet.people.exchange import text_files
from billet.people.exchange.checking import shorten
from billet.people.exchange.source import FileError, Problem, Source, SourceTask

_STATUSES = {
    "NEEDS-ACTION": "PENDING",
    "IN-PROCESS": "IN_PROGRESS",
    "COMPLETED": "DONE",
    "CANCELLED": "CANCELLED",
}
_BEGIN, _END = "BEGIN:VCALENDAR", "END:VCALENDAR"
_BEGINNINGS = ("BEGIN:VTODO", "BEGIN:VEVENT", "BEGIN:VJOURNAL")
_READ = ("SUMMARY", "DESCRIPTION", "DUE", "STATUS", "COMPLETED", "ATTENDEE", "RRULE", "RDATE")
_NAME = re.compile("[:;]")
MAX_COMPONENT = 256 * 1024
"""Characters of the lines that are read. Attachments are not."""
_TEXTS = {"SUMMARY": "name", "DESCRIPTION": "desc"}


def read(text: str) -> Source:
    """Return the tasks.

    Raises:
        FileError: a VTODO or the calendar has no end.
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
    for component in _components(text):
        if component.kind == "VTODO":
            source.add(_task(component, source))
        else:
            source.left_out[f"{component.kind}s"] += 1
    words = [line.strip().upper() for line in text_files.lines(text[-MAX_COMPONENT:])]
    last = next((one for one in reversed(words) if one in (_BEGIN, _END)), _BEGIN)
    if text[:100].strip().upper().startswith(_BEGIN) and last == _BEGIN:
        raise FileError(f"the file ends early: it has no {_END}; export it again")
    return source


class _Component:
    """A component of a calendar, with the lines that are read."""

    def __init__(self, kind: str, start: int) -> None:
        self.kind = kind
        self.start = start
        self.lines: list[str] = []
        self._size = self._depth = 0
        self._is_read = False

    def add(self, line: str) -> bool:
        """Add a line, and return whether it was the last one.

        Raises:
            FileError: the component is too large.
        """
        word = line.strip().upper()
        if self._depth == 0 and word == f"END:{self.kind}":
            return True
        if word.startswith(("BEGIN:", "END:")):  # an alarm, which has a description, too
            self._depth += 1 if word.startswith("BEGIN:") else -1
            self._is_read = False
        elif not line.startswith((" ", "\t")):  # those continue the line before
            self._is_read = self._depth == 0 and _NAME.split(word, 1)[0] in _READ
        if self._is_read:
            self.lines.append(line)
            self._size += len(line)
        if self._size > MAX_COMPONENT:
            limit = f"{MAX_COMPONENT // 1024} KiB"
            raise FileError(f"line {self.start}: this {self.kind} is larger than {limit}")
        return False


def _components(text: str) -> Iterator[_Component]:
    """Yield the components.

    Raises:
        FileError: one has no end, or is too large.
    """
    component: _Component | None = None
    for number, line in enumerate(text_files.lines(text), 1):
        if component is None:
            if (word := line.strip().upper()) in _BEGINNINGS:
                component = _Component(word.removeprefix("BEGIN:"), number)
        elif component.add(line):
            yield component
            component = None
    if component:
        kind = component.kind
        raise FileError(f"line {component.start}: this {kind} has no END:{kind}; it is cut off")


def _task(component: _Component, source: Source) -> SourceTask:
    task = SourceTask(line=component.start, name="")
    content = "".join(component.lines)
    for one in Contentlines.from_ical(content):  # type: ignore[no-untyped-call]
        try:
            if one:
                _take(task, one, source)
        except ValueError:
            source.problems.append(
                Problem(task.line, shorten(one), "must be NAME:value (RFC 5545)")
            )
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
