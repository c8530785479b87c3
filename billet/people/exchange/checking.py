"""Apply the API's rules to the tasks of a file, and find all that breaks one."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from billet.people.exchange import due_dates, statuses
from billet.people.exchange.source import Field, Problem, Source, SourceTask
from chalicelib.http import text_rules

if TYPE_CHECKING:
    from billet_client import Status

ORDER_NEEDED = "is one day in Europe and another in America; --date-order must be dmy or mdy"
_GAPS = re.compile(r"[\t\r\n]+")
"""What cells of a spreadsheet can have, and a name can't."""
_SHOWN = 30


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A task that the API accepts, but for its assignees, which are still names."""

    line: int
    name: str
    desc: str
    status: "Status"
    expires_at: str | None
    assignees: tuple[str, ...]


def check(
    source: Source, more: Mapping[str, "Status"], order: due_dates.Order | None
) -> tuple[list[Row], list[Problem]]:
    """Return the rows that are right, and the problems of the others.

    Args:
        more: further words for statuses.
        order: the order of day and month, or None for the one that the file's dates prove.
    """
    order = order or _proven_order(source)
    rows: list[Row] = []
    problems = list(source.problems)
    for task in source.tasks:
        found = _Checked(task, source, more, order)
        rows += [found.row()] if not found.problems else []
        problems += found.problems
    return rows, problems


def _proven_order(source: Source) -> due_dates.Order | None:
    """Return the order that the dates prove, and note it if one of them needs it."""
    dates = [task.due for task in source.tasks]
    order = due_dates.order_of(dates)
    if order and (unclear := next(filter(due_dates.is_ambiguous, dates), None)):
        first = "day" if order == "dmy" else "month"
        source.notes.append(f"{unclear} has the {first} first, as other dates of the file show")
    return order


class _Checked:
    """The values of one task, and what is wrong with them."""

    def __init__(
        self,
        task: SourceTask,
        source: Source,
        more: Mapping[str, "Status"],
        order: due_dates.Order | None,
    ) -> None:
        self._task = task
        self._source = source
        self.problems: list[Problem] = []
        self._name = self._checked_name()
        self._check_desc()
        self._due = self._checked_due(order)
        self._status = self._checked_status(more)

    def row(self) -> Row:
        """Return the row."""
        return Row(
            line=self._task.line,
            name=self._name,
            desc=self._task.desc,
            status=self._status,
            expires_at=self._due,
            assignees=self._task.assignees,
        )

    def _checked_name(self) -> str:
        """Return the name without white space at its ends, as the API stores it."""
        name = _GAPS.sub(" ", self._task.name)
        try:
            return text_rules.clean_name("name", name, text_rules.MAX_NAME)
        except ValueError as error:
            text = str(error).removeprefix("name: ")
            self._wrong("name", f"{text}; it has {len(name)}" if "characters," in text else text)
            return name

    def _check_desc(self) -> None:
        length, most = len(self._task.desc), text_rules.MAX_DESC
        if length > most:
            self._wrong("desc", f"must have at most {most} characters; it has {length}")

    def _checked_status(self, more: Mapping[str, "Status"]) -> "Status":
        status = statuses.parse(self._task.status, more)
        if status is None:
            allowed = ", ".join(statuses.STATUSES)
            text = f"{shown(self._task.status)} must be one of {allowed}, or --map-status"
            self._wrong("status", f"{text} '{shorten(self._task.status)}=STATUS' must say which")
        return status or "PENDING"

    def _checked_due(self, order: due_dates.Order | None) -> str | None:
        if not self._task.due.strip():
            return None
        try:
            return due_dates.parse(self._task.due, order).isoformat()
        except due_dates.AmbiguousError:
            self._wrong("due", f"{shown(self._task.due)} {ORDER_NEEDED}")
        except ValueError:
            self._wrong("due", f"{shown(self._task.due)} {due_dates.ALLOWED}")
        return None

    def _wrong(self, field: Field, text: str) -> None:
        self.problems.append(Problem(self._task.line, self._source.column(field), text))


def shown(text: str) -> str:
    """Return a value of the file for a message: short, in quotes, without control characters."""
    return f'"{shorten(text)}"'


def shorten(text: str) -> str:
    """Return a value for a message, without quotes."""
    plain = "".join(char if char.isprintable() else " " for char in " ".join(text.split()))
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
