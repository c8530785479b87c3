"""Apply the API's rules to the tasks of a file, and find all that breaks one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from billet.people.exchange import due_dates, statuses
from billet.people.exchange.source import Field, Problem, Source, SourceTask
from chalicelib.domain.errors import Invalid
from chalicelib.domain.task import Status
from chalicelib.http import parsing
from chalicelib.http.schemas import NewTask

ORDER_NEEDED = "is one day in Europe and another in America; --date-order must be dmy or mdy"
_GAPS = re.compile(r"[\t\r\n]+")
"""What cells of a spreadsheet can have, and a name can't."""
_SHOWN = 30


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A task that the API accepts, but for its assignees, which are still names."""

    line: int
    name: str
    desc: str
    status: Status
    expires_at: str | None
    assignees: tuple[str, ...]


def check(
    source: Source, more: Mapping[str, Status], order: due_dates.Order | None
) -> tuple[list[Row], list[Problem]]:
    """Return the rows that are right, and the problems of the others.

    Args:
        more: further words for statuses.
        order: the order of day and month, or None for the one that the file's dates prove.
    """
    order = order or due_dates.order_of(task.due for task in source.tasks)
    rows: list[Row] = []
    problems = list(source.problems)
    for task in source.tasks:
        found = _Checked(task, source, more, order)
        rows += [found.row()] if not found.problems else []
        problems += found.problems
    return rows, problems


class _Checked:
    """The values of one task, and what is wrong with them."""

    def __init__(
        self,
        task: SourceTask,
        source: Source,
        more: Mapping[str, Status],
        order: due_dates.Order | None,
    ) -> None:
        self._task = task
        self._source = source
        self.problems: list[Problem] = []
        self._values: dict[str, Any] = {
            "name": _GAPS.sub(" ", task.name),
            "desc": task.desc,
            "status": self._status(more),
            "expires_at": self._due(order),
        }
        self._task_of_api()

    def row(self) -> Row:
        """Return the row."""
        return Row(line=self._task.line, assignees=self._task.assignees, **self._values)

    def _status(self, more: Mapping[str, Status]) -> Status:
        status = statuses.parse(self._task.status, more)
        if status is None:
            allowed = ", ".join(statuses.STATUSES)
            text = f"{shown(self._task.status)} must be one of {allowed}, or --map-status"
            self._wrong("status", f"{text} '{shorten(self._task.status)}=STATUS' must say which")
        return status or "PENDING"

    def _due(self, order: due_dates.Order | None) -> str | None:
        if not self._task.due.strip():
            return None
        try:
            return due_dates.parse(self._task.due, order).isoformat()
        except due_dates.AmbiguousError:
            self._wrong("due", f"{shown(self._task.due)} {ORDER_NEEDED}")
        except ValueError:
            self._wrong("due", f"{shown(self._task.due)} {due_dates.ALLOWED}")
        return None

    def _task_of_api(self) -> None:
        """Take the values as the API takes them: a name without white space at its ends."""
        try:
            self._values["name"] = msgspec.convert(self._values, NewTask).name
        except msgspec.ValidationError:
            for text in _each_error(self._values):
                field, _, rest = text.partition(": ")
                self._wrong("desc" if field == "desc" else "name", rest)

    def _wrong(self, field: Field, text: str) -> None:
        self.problems.append(Problem(self._task.line, self._source.column(field), text))


def _each_error(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the error of each field that the API refuses; msgspec tells the first only."""
    for field in ("name", "desc"):
        try:
            with parsing.as_invalid(NewTask, "task"):
                msgspec.convert({"name": "-", field: values[field]}, NewTask)
        except Invalid as error:
            text = str(error)
            if "characters," in text or "at most" in text:
                text += f"; it has {len(values[field])}"
            yield text


def shown(text: str) -> str:
    """Return a value of the file for a message: short, in quotes, without control characters."""
    return f'"{shorten(text)}"'


def shorten(text: str) -> str:
    """Return a value for a message, without quotes."""
    plain = "".join(char if char.isprintable() else " " for char in " ".join(text.split()))
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
