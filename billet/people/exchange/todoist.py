"""Todoist's CSV: "Export as CSV" of a project, and its template for imports.

https://todoist.com/help/articles/import-or-export-a-project-as-a-csv-file-in-todoist-YC8YvN
A note belongs to the task above it. INDENT makes a task a part of the one above with less.
"""

import re
from collections.abc import Iterator, Sequence

from billet.people.exchange import due_dates
from billet.people.exchange.source import Problem, Source, SourceTask

_MARKS = {"TYPE", "CONTENT", "INDENT"}
_ID = re.compile(r"\s*\(\d+\)$")
_LEFT_OUT = ("PRIORITY", "DURATION")
_ORDINARY = {"PRIORITY": ("", "4"), "DURATION": ("", "None")}


def is_header(header: Sequence[str]) -> bool:
    """Return whether Todoist has written this header."""
    return set(header) >= _MARKS


def read(header: list[str], body: Iterator[tuple[int, list[str]]], kind: str) -> Source:
    """Return the tasks. Each part of a task is a task that says of which it is a part."""
    source = Source(
        kind=kind,
        columns={
            "name": "CONTENT",
            "desc": "DESCRIPTION",
            "due": "DATE",
            "assignees": "RESPONSIBLE",
        },
    )
    above: list[str] = []
    for line, row in body:
        cells = dict(zip(header, row, strict=False))
        type_ = cells.get("TYPE", "").strip()
        if type_ == "task":
            above = above[: _indent(cells) - 1]
            source.add(_task(line, cells, above, source))
            above.append(cells.get("CONTENT", ""))
        elif type_ == "note" and source.tasks:
            task = source.tasks[-1]
            task.desc = f"{task.desc}\n\n{cells.get('CONTENT', '')}".strip()
        elif type_ in ("section", "note"):
            source.left_out[f"{type_}s"] += 1
        elif type_ not in ("meta", ""):
            text = "must be task, section or note"
            source.problems.append(Problem(line, "TYPE", text))
    return source


def _task(line: int, cells: dict[str, str], above: list[str], source: Source) -> SourceTask:
    for name in _LEFT_OUT:
        if cells.get(name, "") not in _ORDINARY[name]:
            source.unused_columns[name] += 1
    due, words = _due(cells)
    desc = [cells.get("DESCRIPTION", "")]
    if above:
        desc.append(f"Part of: {above[-1]}")
    if words:
        desc.append(f"Due: {words}")
        source.left_out["dates in words, such as every monday (they go into the description)"] += 1
    responsible = _ID.sub("", cells.get("RESPONSIBLE", "").strip())
    return SourceTask(
        line=line,
        name=cells.get("CONTENT", ""),
        desc="\n\n".join(filter(None, desc)),
        due=due,
        assignees=(responsible,) if responsible else (),
    )


def _due(cells: dict[str, str]) -> tuple[str, str]:
    """Return the due date, which is DEADLINE or else DATE, and a DATE that is only words."""
    dates = {name: cells.get(name, "").strip() for name in ("DEADLINE", "DATE")}
    due = next((text for text in dates.values() if _is_date(text)), "")
    return due, "" if _is_date(dates["DATE"]) else dates["DATE"]


def _is_date(text: str) -> bool:
    try:
        due_dates.parse(text, "dmy")
    except ValueError:
        return due_dates.is_ambiguous(text)
    return True


def _indent(cells: dict[str, str]) -> int:
    text = cells.get("INDENT", "").strip()
    return int(text) if text in {"1", "2", "3", "4", "5"} else 1
