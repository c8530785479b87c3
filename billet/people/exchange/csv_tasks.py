"""Read tasks from CSV: of any program, with any columns, and of Todoist."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

from billet.people.exchange import cells, columns, text_files, todoist
from billet.people.exchange.source import FIELDS, Field, FileError, Problem, Source, SourceTask

DELIMITERS = ",;\t|"
MAX_COLUMNS = 500
_HEADER_ROWS = 10
"""Among how many records the header is looked for: some programs write other lines before it."""
Ask = Callable[[Sequence[str], Mapping[Field, int]], dict[Field, int]]
"""A function that asks which column is which field."""


class Record(NamedTuple):
    """A record of the file, with the number of its first line."""

    line: int
    cells: list[str]


def read(
    text: str, encoding: str, mapping: Mapping[Field, str], ask: Ask | None, kind: str | None = None
) -> Source:
    """Return the tasks of a CSV file.

    Args:
        mapping: the names of columns by field, empty for none, before those that are recognised.
        ask: how to ask for the columns if none is recognised as the name.
        kind: csv or todoist, or None to find out.

    Raises:
        FileError: the file is no CSV, or has no column for the name.
    """
    delimiter, start = _delimiter(text)
    records = _records(text, delimiter, start)
    head = list(islice(records, _HEADER_ROWS))
    if not head:
        raise FileError("the file is empty")
    at = next((i for i, one in enumerate(head) if _is_header(one.cells, mapping)), 0)
    header = [cell.strip() for cell in head[at].cells]
    body = chain(head[at + 1 :], records)
    label = f"{encoding}, columns separated by {_spoken(delimiter)}"
    if kind == "todoist" or (kind is None and not mapping and todoist.is_header(header)):
        return todoist.read(header, body, f"Todoist CSV ({label})")
    return _read(header, body, f"CSV ({label})", _chosen(header, mapping, ask))


def _read(
    header: list[str], body: Iterator[Record], kind: str, chosen: Mapping[Field, int]
) -> Source:
    source = Source(kind=kind, columns={field: header[index] for field, index in chosen.items()})
    unused = [index for index in range(len(header)) if index not in chosen.values()]
    for line, row in body:
        if any(cell.strip() for cell in row[len(header) :]):
            text = f"must have {len(header)} cells, as the header has, not {len(row)}; put cells"
            source.problems.append(
                Problem(line, "whole line", f"{text} with a delimiter in quotes")
            )
            continue
        for index in unused:
            if index < len(row) and row[index].strip():
                source.unused_columns[header[index] or str(index + 1)] += 1
        values = {
            field: cells.unguard(row[index]) if index < len(row) else ""
            for field, index in chosen.items()
        }
        names = cells.joined(values.pop("assignees", ""))
        source.add(SourceTask(line=line, assignees=names, **{"name": "", **values}))
    return source


def _is_header(row: list[str], mapping: Mapping[Field, str]) -> bool:
    if wanted := mapping.get("name", "").strip().casefold():
        return wanted in (cell.strip().casefold() for cell in row)
    return "name" in columns.recognise(row)


def _chosen(header: list[str], mapping: Mapping[Field, str], ask: Ask | None) -> dict[Field, int]:
    """Return the index of the column of each field."""
    chosen = columns.recognise(header)
    for field, name in mapping.items():
        chosen.pop(field, None)
        if name:
            index = _index(header, field, name)
            chosen = {other: at for other, at in chosen.items() if at != index}
            chosen[field] = index
    if "name" not in chosen:
        if ask is None:
            raise FileError(
                f"no column is recognised as the name of a task; --map name=COLUMN must name"
                f" one of: {columns.listed(header)}"
            )
        chosen = ask(header, chosen)
    return {field: chosen[field] for field in FIELDS if field in chosen}


def _index(header: list[str], field: Field, name: str) -> int:
    folded = [one.casefold() for one in header]
    if name.strip().casefold() not in folded:
        raise FileError(
            f"--map {field}={name}: must name one of the columns {columns.listed(header)}"
        )
    return folded.index(name.strip().casefold())


def _delimiter(text: str) -> tuple[str, int]:
    """Return the delimiter, and 1 if the first line only names it, as Excel writes it.

    It is the one with which the first records have the most names of columns that are known, and
    the most columns.
    """
    first, _, _ = text[:10].partition("\n")
    if first.startswith("sep=") and len(first.rstrip("\r")) == 5:
        return first[4], 1

    def score(delimiter: str) -> tuple[int, int]:
        rows: list[list[str]] = []
        with suppress(FileError):  # it is told later, if no other delimiter is better
            rows.extend(row.cells for row in islice(_records(text, delimiter, 0), _HEADER_ROWS))
        known = max((len(columns.recognise(row)) for row in rows), default=0)
        return known, len(rows[0]) if rows else 0

    return max(DELIMITERS, key=score), 0


def _records(text: str, delimiter: str, skip: int) -> Iterator[Record]:
    """Yield the records that are not blank.

    Raises:
        FileError: a cell is too large, or there are too many.
    """
    lines = text_files.lines(text)
    for _ in range(skip):
        next(lines, None)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    end = 0
    try:
        for row in reader:
            line, end = skip + end + 1, reader.line_num
            if len(row) > MAX_COLUMNS:
                raise FileError(f"line {line}: must have at most {MAX_COLUMNS} cells")
            if any(cell.strip() for cell in row):
                yield Record(line, row)
    except csv.Error as error:
        raise FileError(f"line {skip + end + 1}: {_explained(str(error))}") from error


def _explained(error: str) -> str:
    """Return what is wrong with a file, from the message of the csv module."""
    if "field larger" in error:
        return (
            f"a cell must have at most {csv.field_size_limit()} characters; is a quote not closed?"
        )
    if "unexpected end" in error:
        return "a quote is not closed"
    if "expected after" in error:
        return 'a quote inside a cell must be doubled: "say ""yes"" to it"'
    return error


def _spoken(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs"}.get(delimiter, delimiter)
