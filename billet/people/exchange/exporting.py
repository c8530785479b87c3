"""Write tasks as CSV, JSON or iCalendar, one after the other: memory does not grow with them."""

import codecs
import csv
import io
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import msgspec

from billet.people.exchange import cells

if TYPE_CHECKING:
    from icalendar import Todo

    from billet_client import Task

Usernames = Callable[[int], str]
"""A function that returns the username of a user's id."""
COLUMNS = ("id", "name", "desc", "status", "expires_at", "assignees", "created_at", "updated_at")
TODO_STATUSES = {
    "PENDING": "NEEDS-ACTION",
    "IN_PROGRESS": "IN-PROCESS",
    "DONE": "COMPLETED",
    "CANCELLED": "CANCELLED",
}
_END = b"END:VCALENDAR\r\n"
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters that a text of iCalendar can't have (RFC 5545, section 3.1)."""
_MAILBOX = re.compile(r"[^\s@:;,<>\"]+@[^\s@:;,<>\"]+")


def as_csv(tasks: Iterable["Task"], usernames: Usernames, *, mark: bool) -> Iterator[bytes]:
    """Yield the lines of a CSV file. Cells that a spreadsheet would run are guarded.

    Args:
        mark: begin with a byte order mark, by which Excel knows UTF-8.
    """
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)

    def encoded(row: Iterable[object]) -> bytes:
        line.seek(0)
        line.truncate()
        writer.writerow([cells.guard(str(cell)) for cell in row])
        return line.getvalue().encode()

    if mark:
        yield codecs.BOM_UTF8
    yield encoded(COLUMNS)
    for task in tasks:
        values = msgspec.to_builtins(task)
        values["assignees"] = cells.join(map(usernames, task.assignees))
        yield encoded("" if values[name] is None else values[name] for name in COLUMNS)


def as_json(tasks: Iterable["Task"]) -> Iterator[bytes]:
    """Yield an array of the API's bodies, one a line."""
    separator = b"["
    for task in tasks:
        yield separator + b"\n" + msgspec.json.encode(task)
        separator = b","
    yield b"[]\n" if separator == b"[" else b"\n]\n"


def as_ics(
    tasks: Iterable["Task"], usernames: Usernames, url_of: Callable[[int], str]
) -> Iterator[bytes]:
    """Yield a calendar of VTODOs (RFC 5545).

    Args:
        url_of: returns the URL of a task, from which its UID is made, as in the feed of a user.
    """
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//Billet Tasks//EN")
    calendar.add("version", "2.0")
    yield calendar.to_ical().removesuffix(_END)
    for task in tasks:
        yield _todo(task, usernames, url_of(task.id)).to_ical()
    yield _END


def _todo(task: "Task", usernames: Usernames, url: str) -> "Todo":
    from icalendar import Todo

    todo = Todo()
    todo.add("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, url)))
    todo.add("dtstamp", task.updated_at)
    todo.add("last-modified", task.updated_at)
    todo.add("created", datetime.combine(task.created_at, time(), UTC))
    todo.add("summary", task.name)
    todo.add("status", TODO_STATUSES[task.status])
    if task.desc:
        todo.add("description", _FORBIDDEN.sub("", task.desc.replace("\r\n", "\n")))
    if task.expires_at:
        todo.add("due", task.expires_at)
    for user in task.assignees:
        todo.add("attendee", _address(usernames(user)), parameters={"CN": usernames(user)})
    return todo


def _address(username: str) -> str:
    """Return an address, which RFC 5545 requires, also for a username that is none."""
    return f"mailto:{username}" if _MAILBOX.fullmatch(username) else "invalid:nomail"
