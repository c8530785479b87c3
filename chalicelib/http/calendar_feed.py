"""The body of a feed: tasks in iCalendar (RFC 5545, RFC 7986).

Only the view imports this module, because icalendar takes 30 ms, too long for a cold start.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from icalendar import Calendar, Component, Event, Todo, vDuration

from chalicelib.domain.task import Task
from chalicelib.http import pages

CONTENT_TYPE = "text/calendar; charset=utf-8"
REFRESH = timedelta(hours=1)
"""How often a calendar program should read the feed. Many read it less often."""
TODO_STATUSES = {"PENDING": "NEEDS-ACTION", "IN_PROGRESS": "IN-PROCESS"}

_END = b"END:VCALENDAR\r\n"
_BREAK = re.compile("\r\n|[\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]")
"""What any program may take for the end of a line."""
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters that a text can't have (RFC 5545, section 3.1)."""

Kind = Literal["VEVENT", "VTODO"]


def encode(name: str, tasks: Sequence[Task], kind: Kind, root: str) -> bytes:
    """Return a calendar of tasks that have a due date.

    If there are more than fit into a response, the last ones are omitted.

    Args:
        name: the name of the calendar.
        kind: `VEVENT` for all-day events, which every calendar program shows, or `VTODO`.
        root: the URL of the API with a slash at its end, which is that of the board, too.
    """
    make = _event if kind == "VEVENT" else _todo
    parts = [make(task, root).to_ical() for task in tasks]
    if sum(map(len, parts)) * pages.MAX_PER_BYTE > pages.MAX_ENCODED:
        parts = parts[: pages.fitting(part.decode() for part in parts)]
    head = _calendar(name).to_ical().removesuffix(_END)
    return b"".join((head, *parts, _END))


def _calendar(name: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Billet Tasks//EN")
    calendar.add("version", "2.0")
    for key in ("name", "x-wr-calname"):  # the standard, and what programs read
        calendar.add(key, _text(name, " "))
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    return calendar


def _event(task: Task, root: str) -> Component:
    due = _due(task)
    event = _described(Event(), task, root)
    event.add("dtstart", due)
    if due < date.max:
        event.add("dtend", due + timedelta(days=1))  # the day after the last one
    event.add("transp", "TRANSPARENT")  # it does not make the day busy
    return event


def _todo(task: Task, root: str) -> Component:
    todo = _described(Todo(), task, root)
    todo.add("due", _due(task))
    todo.add("status", TODO_STATUSES[task.status])
    return todo


def _described(component: Component, task: Task, root: str) -> Component:
    changed = datetime.fromisoformat(task.updated_at or task.created_at)
    component.add("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, f"{root}v1/tasks/{task.id}")))
    component.add("url", f"{root}#task={task.id}")  # opens it on the board
    component.add("dtstamp", changed)
    component.add("last-modified", changed)
    component.add("sequence", task.version)
    component.add("summary", _text(task.name, " "))
    if task.desc:
        component.add("description", _text(task.desc, "\n"))
    return component


def _text(text: str, line_break: str) -> str:
    return _FORBIDDEN.sub("", _BREAK.sub(line_break, text))


def _due(task: Task) -> date:
    return date.fromisoformat(task.expires_at or "")
