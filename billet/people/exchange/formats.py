"""Find out the format of a file, and read it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from billet.people.exchange import csv_tasks, text_files, trello, vtodo
from billet.people.exchange.source import Field, FileError, Format, Source

if TYPE_CHECKING:
    from billet_client import Status


def read(
    data: bytes,
    *,
    format_: Format | None = None,
    encoding: str | None = None,
    mapping: Mapping[Field, str] | None = None,
    statuses: Mapping[str, "Status"] | None = None,
    ask: csv_tasks.Ask | None = None,
    archived: bool = False,
) -> Source:
    """Return the tasks of a file; the module of each format describes the arguments.

    Raises:
        FileError: the file can't be read as tasks.
    """
    text, label = text_files.decode(data, encoding)
    format_ = format_ or _format_of(text)
    if format_ == "ics":
        source = vtodo.read(text)
    elif format_ == "trello":
        source = trello.read(text, statuses or {}, archived=archived)
    else:
        source = csv_tasks.read(text, label, mapping or {}, ask, format_)
    if not source.tasks and not source.problems:
        raise FileError(f"the file has no tasks; it was read as {source.kind}")
    return source


def _format_of(text: str) -> Format | None:
    """Return the format that the first characters tell. None is a CSV of some kind."""
    start = text[:1000].lstrip()
    if start[:15].upper().startswith("BEGIN:VCALENDAR"):
        return "ics"
    return "trello" if start.startswith(("{", "[")) else None
