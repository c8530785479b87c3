"""Files as other programs write them, and the tasks or errors that `billet task import` finds."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from billet.people.exchange import (
    cells,
    checking,
    columns,
    due_dates,
    exporting,
    formats,
    options,
    preview,
    source,
    text_files,
)
from billet.people.exchange.checking import Row
from billet.people.exchange.source import FileError
from billet_client import Task

TODOIST = """\
TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,\
DURATION_UNIT,DEADLINE,DEADLINE_LANG
meta,view_style=list,,,,,,,,,,,,
task,Plan the offsite @team,Two days,1,1,Kai (481),Ann (12),Oct 5 2026,en,Europe/Oslo,30,minute,,
task,Book the venue,,4,2,Kai (481),,2026-10-06 15:30,en,Europe/Oslo,,None,,
note,Ask for the big room,,,,Kai (481),,,,,,,,
task,Call three venues,,4,3,Kai (481),,,en,,,,,
,,,,,,,,,,,,,
section,Weekly,,,,,,,,,,,,
task,Water the plants,,4,1,Kai (481),,every monday at 9am,en,Europe/Oslo,,,,
task,"Order ""heirloom"" seeds",,4,1,Kai (481),,tomorrow 18:00,en,Europe/Oslo,,,Oct 9 2026,en
"""
TRELLO = {
    "id": "b1",
    "name": "Team",
    "closed": False,
    "labelNames": {"green": ""},
    "actions": [{"type": "createCard", "data": {"card": {"name": "x"}}}],
    "lists": [
        {"id": "l1", "name": "To Do", "closed": False},
        {"id": "l2", "name": "Doing", "closed": False},
        {"id": "l3", "name": "Ideas", "closed": False},
        {"id": "l4", "name": "Old", "closed": True},
    ],
    "members": [{"id": "m1", "fullName": "Ann Lee", "username": "annlee1"}],
    "checklists": [
        {
            "id": "c1",
            "name": "Steps",
            "checkItems": [
                {"name": "Ask", "state": "complete"},
                {"name": "Book", "state": "incomplete"},
            ],
        }
    ],
    "cards": [
        {"name": "Write", "desc": "All of it", "due": None, "dueComplete": False, "closed": False,
         "idList": "l1", "idMembers": ["m1"], "idChecklists": ["c1"], "labels": []},
        {"name": "Review", "due": "2026-03-01T10:00:00.000Z", "dueComplete": False, "closed": False,
         "idList": "l2", "idMembers": []},
        {"name": "Ship", "due": "2026-03-02T10:00:00.000Z", "dueComplete": True, "closed": False,
         "idList": "l1", "idMembers": []},
        {"name": "Dream", "due": None, "closed": False, "idList": "l3"},
        {"name": "Gone", "due": None, "closed": True, "idList": "l1"},
        {"name": "In an old list", "due": None, "closed": False, "idList": "l4"},
        {"name": "Form", "due": None, "closed": False, "idList": "l1", "isTemplate": True},
    ],
}  # fmt: skip
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Nextcloud Tasks v0.16.1
BEGIN:VTIMEZONE
TZID:Europe/Berlin
END:VTIMEZONE
BEGIN:VTODO
UID:93cf66e2-9a70-4a7b-b350-0feddb9cf37c
CREATED:20250404T143018Z
DTSTAMP:20250405T054613Z
DUE;VALUE=DATE:20250407
SUMMARY:Call Ann\\, then Bob\\; write
  it down
DESCRIPTION:One\\nTwo
STATUS:IN-PROCESS
ATTENDEE;CN="Lee, Ann";PARTSTAT=ACCEPTED:mailto:ann@example.com
RRULE:FREQ=SECONDLY
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:This is a reminder
TRIGGER;RELATED=END:-PT1H
END:VALARM
END:VTODO
BEGIN:VTODO
SUMMARY:Clean up
DUE;TZID=Europe/Berlin:20210402T235900
PERCENT-COMPLETE:100
COMPLETED:20210402T081557Z
ATTENDEE;CN=bob:invalid:nomail
END:VTODO
BEGIN:VTODO
SUMMARY:Never mind
STATUS:CANCELLED
END:VTODO
BEGIN:VEVENT
SUMMARY:A meeting
END:VEVENT
END:VCALENDAR
"""
ASANA = """\
Task ID,Created At,Completed At,Last Modified,Name,Section/Column,Assignee,Assignee Email,\
Start Date,Due Date,Tags,Notes,Projects,Parent task
1201,2026-01-05,2026-01-09,2026-01-09,Draft,To do,Ann Lee,ann@example.com,,2026-01-10,,First,Web,
1202,2026-01-05,,2026-01-09,Publish,To do,,,,2026-01-12,,,Web,
"""


def row(line: int, name: str, **values: Any) -> Row:
    given = {"desc": "", "status": "PENDING", "expires_at": None, "assignees": ()} | values
    return Row(line=line, name=name, **given)


def read(data: bytes | str, **options: Any) -> tuple[list[Row], list[str]]:
    """Return the rows of a file and its problems, each as `line 2, due: …`."""
    found = formats.read(data if isinstance(data, bytes) else data.encode(), **options)
    rows, problems = checking.check(found, options.get("statuses", {}), None)
    return rows, [f"{found.unit} {one.line}, {one.column}: {one.text}" for one in problems]


FILES: Mapping[str, tuple[str, list[Row]]] = {
    "todoist": (
        TODOIST,
        [
            row(3, "Plan the offsite @team", desc="Two days", expires_at="2026-10-05",
                assignees=("Ann",)),
            row(4, "Book the venue", expires_at="2026-10-06",
                desc="Part of: Plan the offsite @team\n\nAsk for the big room"),
            row(6, "Call three venues", desc="Part of: Book the venue"),
            row(9, "Water the plants", desc="Due: every monday at 9am"),
            row(10, 'Order "heirloom" seeds', desc="Due: tomorrow 18:00", expires_at="2026-10-09"),
        ],
    ),
    "trello": (
        json.dumps(TRELLO),
        [
            row(1, "Write", desc="All of it\n\nSteps:\n- [x] Ask\n- [ ] Book",
                assignees=("annlee1",)),
            row(2, "Review", status="IN_PROGRESS", expires_at="2026-03-01"),
            row(3, "Ship", status="DONE", expires_at="2026-03-02"),
            row(4, "Dream"),
        ],
    ),
    "calendar": (
        CALENDAR,
        [
            row(7, "Call Ann, then Bob; write it down", desc="One\nTwo", status="IN_PROGRESS",
                expires_at="2025-04-07", assignees=("Lee, Ann <ann@example.com>",)),
            row(24, "Clean up", status="DONE", expires_at="2021-04-02", assignees=("bob",)),
            row(31, "Never mind", status="CANCELLED"),
        ],
    ),
    "asana": (
        ASANA,
        [
            row(2, "Draft", desc="First", status="DONE", expires_at="2026-01-10",
                assignees=("Ann Lee",)),
            row(3, "Publish", expires_at="2026-01-12"),
        ],
    ),
    "excel in german": (
        "sep=;\r\nBeschreibung;Fällig am;Titel;Erledigt\r\n"
        '"Zeile 1\nZeile 2";4.3.2026;Müll;ja\r\n;;"Zwei\nZeilen";nein\r\n',
        [
            row(3, "Müll", desc="Zeile 1\nZeile 2", expires_at="2026-03-04", status="DONE"),
            row(5, "Zwei Zeilen"),
        ],
    ),
    "tabs, and lines before the header": (
        "Report of 2026\n\nTask Name\tDate Due\tProgress\nPlan\tMar 4, 2026\tNot started\n",
        [row(4, "Plan", expires_at="2026-03-04")],
    ),
    "line ends of old macs": (
        "name,due\rPlan,2026-03-04\r",
        [row(2, "Plan", expires_at="2026-03-04")],
    ),
    "one column": ("todo\nBuy milk\n", [row(2, "Buy milk")]),
    "guarded cells": ("name,desc\n'=1+1,'-5 degrees\n", [row(2, "=1+1", desc="-5 degrees")]),
    "several people": (
        'name,assignees\nPlan,"ann; bob"\nDo,"ann\nbob"\n',
        [row(2, "Plan", assignees=("ann", "bob")), row(3, "Do", assignees=("ann", "bob"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_each_program_becomes_tasks(name: str) -> None:
    content, rows = FILES[name]
    assert read(content) == (rows, [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_the_encoding_of_a_file_is_found(encoding: str) -> None:
    content = "Titel;Notiz\nMüll… für Jürgen;5 €\n".encode(encoding)
    assert read(content) == ([row(2, "Müll… für Jürgen", desc="5 €")], [])


def test_another_encoding_can_be_given() -> None:
    content = "name\nKoupit mléko příště\n".encode("cp1250")
    assert read(content, encoding="cp1250") == ([row(2, "Koupit mléko příště")], [])


def test_what_is_left_out_is_counted() -> None:
    assert formats.read(TODOIST.encode()).left_out == {
        "sections": 1,
        "dates in words, such as every monday (they go into the description)": 2,
    }
    assert formats.read(TODOIST.encode()).unused_columns == {"PRIORITY": 1, "DURATION": 1}
    board = formats.read(json.dumps(TRELLO).encode())
    assert board.left_out == {"archived cards (--archived imports them)": 2, "templates": 1}
    assert board.notes == [
        "list Ideas: its cards become PENDING (--map-status 'Ideas=STATUS' changes that)"
    ]
    assert formats.read(CALENDAR.encode()).left_out == {
        "VEVENTs": 1,
        "recurrences (a recurring task is imported once)": 1,
    }


def test_archived_cards_and_statuses_of_lists_can_be_asked_for() -> None:
    rows, _ = read(json.dumps(TRELLO), archived=True, statuses={"ideas": "CANCELLED"})
    assert [(one.name, one.status) for one in rows[3:]] == [
        ("Dream", "CANCELLED"),
        ("Gone", "PENDING"),
        ("In an old list", "PENDING"),
    ]


def test_columns_can_be_given() -> None:
    content = "Name of the report\nWas,Wann,Name\nPlan,2026-03-04,ann\n"
    mapping = {"name": "was", "due": "Wann", "assignees": "Name"}
    assert read(content, mapping=mapping) == (
        [row(3, "Plan", expires_at="2026-03-04", assignees=("ann",))],
        [],
    )


NO_NAME = "must have 1 to 200 characters, at least one of which is visible; it has 0"
PROBLEMS = {
    "all at once": (
        "name,due,status\n,x,later\nPlan,31/02/2026,\n" + "n" * 201 + ",,\n",
        [
            'line 2, due: "x" must be a date such as 2026-03-31, 31.3.2026 or Mar 31 2026',
            f"line 2, name: {NO_NAME}",
            'line 2, status: "later" must be one of PENDING, IN_PROGRESS, DONE, CANCELLED, or'
            " --map-status 'later=STATUS' must say which",
            'line 3, due: "31/02/2026" must be a date such as 2026-03-31, 31.3.2026 or Mar 31 2026',
            "line 4, name: must have 1 to 200 characters, at least one of which is visible; it has"
            " 201",
        ],
    ),
    "an ambiguous date": (
        "name,due\nPlan,03/04/2026\nDo,04/04/2026\n",
        [
            'line 2, due: "03/04/2026" is one day in Europe and another in America; --date-order'
            " must be dmy or mdy"
        ],
    ),
    "a delimiter without quotes": (
        "name,desc\nPlan,first, then\n",
        [
            "line 2, whole line: must have 2 cells, as the header has, not 3; put cells with a"
            " delimiter in quotes"
        ],
    ),
    "a long description": (
        f"name,notes\nPlan,{'d' * 10_001}\n",
        ["line 2, notes: must have at most 10000 characters; it has 10001"],
    ),
    "a bell": ("name\nPl\aan\n", ["line 2, name: must not contain control characters"]),
    "lines of a calendar": (
        "BEGIN:VCALENDAR\nBEGIN:VTODO\nDUE:soon\nSTATUS:OPENISH\nNONSENSE\nATTENDEE\nEND:VTODO\nEND:VCALENDAR",
        [
            "line 2, ATTENDEE: must be NAME:value (RFC 5545)",
            'line 2, DUE: "soon" must be a date such as 2026-03-31, 31.3.2026 or Mar 31 2026',
            'line 2, STATUS: "OPENISH" must be one of PENDING, IN_PROGRESS, DONE, CANCELLED, or'
            " --map-status 'OPENISH=STATUS' must say which",
            f"line 2, SUMMARY: {NO_NAME}",
        ],
    ),
    "a type that Todoist does not have": (
        "TYPE,CONTENT,INDENT\nTask,Plan,1\n",
        ["line 2, TYPE: must be task, section or note"],
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_problem_has_its_line_and_column(name: str) -> None:
    content, problems = PROBLEMS[name]
    rows, found = read(content)
    assert sorted(found) == problems
    assert len(rows) == content.count("Do,")


NO_TASKS = {
    "an empty file": (b"", "the file is empty"),
    "only a header": (b"name,due\n", "the file has no tasks; it was read as CSV"),
    "a workbook": (b"PK\x03\x04rest", "workbook of Excel; save it as CSV"),
    "a NUL": (b"name\na\nb\0\n", "line 3: must be text, and has a NUL character"),
    "unknown columns": (b"Was,Wann\nx,y\n", "--map name=COLUMN must name one of: Was, Wann"),
    "a huge cell": (b'name\n"' + b"x" * 200_000, "a cell must have at most 131072 characters"),
    "a long line": (b"name\n" + b"x" * 1_100_000, "line 2: must have at most 1048576 characters"),
    "many cells": (b"name,due\nx" + b"," * 501, "line 2: must have at most 500 cells"),
    "a broken export": (b"[", "the file is not valid JSON (Input data was truncated)"),
    "a board that is cut off": (b'{"name": "x', "the file is not valid JSON (Input data was trunc"),
    "a calendar that is cut off": (b"BEGIN:VCALENDAR\nVERSION:2.0\n", "the file ends early: it h"),
    "a calendar that is cut off after a task": (
        b"BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:x\nEND:VTODO\nEND:VCAL",
        "the file ends early: it has no END:VCALENDAR",
    ),
    "random bytes": (bytes(range(255, 0, -1)), "the file is no text file"),
    "an open quote": (b'name;due\n"Plan;\nDo;\n', "line 2: a quote is not closed"),
    "a quote in a cell": (b'name\n"a" b\n', "line 2: a quote inside a cell must be doubled"),
    "a large VTODO": (
        b"BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY;" + b"A=b;\n " * 50_000 + b":x\nEND:VTODO",
        "line 2: this VTODO is larger than 256 KiB",
    ),
    "bytes of no encoding": (b"name\n\x81\n", "is not Windows-1252; --encoding must name"),
    "broken JSON": (b'{"cards": [', "the file is not valid JSON ("),
    "JSON of an export": (
        b'[\n{"id":1,"name":"x"}\n]\n',
        "an export as JSON cannot be imported again; `billet task export --csv` writes a file that "
        "can, and of JSON files only Trello's can be imported",
    ),
    "a copy of a database": (
        b'{"format":1,"kind":"header","schema":8}\n{"kind":"user","id":1}\n',
        "the file is a copy of a database by `billet export`; `billet import` reads it",
    ),
    "another JSON": (
        b'{"name": "x"}',
        "the file: has no cards, as boards have that Trello exports as JSON",
    ),
    "a card without a name": (
        b'{"lists":[],"cards":[{"id":"x"}]}',
        "cards[0]: has no name, as boards have that Trello exports as JSON",
    ),
    "a name that is a number": (
        b'{"lists":[],"cards":[{"name":7}]}',
        "cards[0].name: is not as in a board that Trello exports as JSON",
    ),
    "deep JSON": (b'{"x":' + b"[" * 100_000, "the file is nested too deeply"),
    "a VTODO without an end": (b"BEGIN:VCALENDAR\nBEGIN:VTODO\n", "line 2: this VTODO has no END"),
    "VTODOs in one another": (
        b"BEGIN:VCALENDAR\n" + b"BEGIN:VTODO\n" * 20_000,
        "line 2: this VTODO has no END:VTODO",
    ),
}


@pytest.mark.parametrize("name", NO_TASKS)
def test_a_file_that_has_no_tasks_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    content, reason = NO_TASKS[name]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FileError) as error:
        formats.read(text_files.read(str(tmp_path / "file")))
    assert "Expected `" not in error.value.message
    assert reason in error.value.message


def test_the_size_of_a_file_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"name\n" + b"x\n" * 100)
    monkeypatch.setattr(source, "MAX_TASKS", 99)
    with pytest.raises(FileError, match="line 101: a file must have at most 99 tasks; split it"):
        formats.read(text_files.read(str(tmp_path / "file")))
    monkeypatch.setattr(text_files, "MAX_BYTES", 204)
    with pytest.raises(FileError, match="must have at most 0 MiB; split the file"):
        text_files.read(str(tmp_path / "file"))


DATES = {
    "2026-03-04": "2026-03-04",
    "2026/3/4": "2026-03-04",
    "2026-03-04T23:59:00": "2026-03-04",
    "2026-03-04 09:00": "2026-03-04",
    "20260304": "2026-03-04",
    "20260304T090000": "2026-03-04",
    "4.3.2026": "2026-03-04",
    "04.03.26": "2026-03-04",
    "4. 3. 2026": "2026-03-04",
    "13/3/2026": "2026-03-13",
    "3/13/2026 9:00 AM": "2026-03-13",
    "4/4/2026": "2026-04-04",
    "Mar 4 2026": "2026-03-04",
    "March 4, 2026": "2026-03-04",
    "4 Mar 2026": "2026-03-04",
    "4th March 2026": "2026-03-04",
    "04-Mar-2026": "2026-03-04",
    "2026年3月4日": "2026-03-04",
}


@pytest.mark.parametrize("text", DATES)
def test_dates_are_read_as_programs_write_them(text: str) -> None:
    assert due_dates.parse(text).isoformat() == DATES[text]


@pytest.mark.parametrize(
    "text", ["x", "tomorrow", "2026-02-30", "0/0/2026", "10", "2026", "²/3/2026"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        due_dates.parse(text)


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["3/4/2026", "25/4/2026"], "dmy"),
        (["3/4/2026", "4/25/2026"], "mdy"),
        (["25/4/2026", "4/25/2026"], None),
        (["3/4/2026", "25.4.2026"], None),
    ],
)
def test_the_order_of_day_and_month_is_that_of_the_other_dates(
    texts: list[str], order: Any
) -> None:
    assert due_dates.order_of(texts) == order


def test_the_order_that_other_dates_prove_is_noted() -> None:
    found = formats.read(b"name,due\na,3/4/2026\nb,25/4/2026\n")
    rows, _ = checking.check(found, {}, None)
    assert [row.expires_at for row in rows] == ["2026-04-03", "2026-04-25"]
    assert found.notes == ["3/4/2026 has the day first, as other dates of the file show"]


def test_a_person_is_asked_for_columns_that_are_not_known() -> None:
    with CliRunner().isolation(input="9\n2\n\n1\n\n\n") as (_, err, _):
        found = formats.read(b"Wann,Was\n2026-03-04,Plan\n", ask=options.ask_for_columns)
    assert [(one.name, one.due) for one in found.tasks] == [("Plan", "2026-03-04")]
    assert (
        b"   1  Wann\n   2  Was\n"
        b"Which column is which? Give the number or the heading; 0 stands for none."
    ) in err.getvalue()


def test_a_column_is_given_by_its_heading_or_number() -> None:
    with CliRunner().isolation(input="Foo\n0\n was\n7\n\n1\n\n0\n") as (_, err, _):
        found = formats.read(b"Wann,Was\n2026-03-04,Plan\n", ask=options.ask_for_columns)
    assert [(one.name, one.due) for one in found.tasks] == [("Plan", "2026-03-04")]
    errors = [line.partition("Error: ")[2] for line in err.getvalue().decode().splitlines()]
    assert list(filter(None, errors)) == [
        "'Foo' must be a number from 1 to 2, or one of Wann, Was",
        "'0' must be a number from 1 to 2, or one of Wann, Was",
        "'7' must be a number from 0 (none) to 2, or one of Wann, Was",
    ]


@pytest.mark.parametrize(("width", "columns_shown"), [(80, 5), (50, 4), (40, 3), (24, 2)])
def test_the_preview_of_long_names_fits_a_terminal(width: int, columns_shown: int) -> None:
    rows = [row(7, "n" * 200, expires_at="2026-03-04", assignees=("a" * 200, "b"))]
    console = Console(width=width, file=StringIO(), record=True)
    console.print(preview.table(rows, "line", width))
    heading, line = console.export_text().splitlines()
    assert heading.split() == ["LINE", "NAME", "STATUS", "DUE", "ASSIGNEES"][:columns_shown]
    cells_shown = ["7", "nnn", "PENDING", "2026-03-04", "aaa"][:columns_shown]
    assert all(map(str.startswith, line.split(), cells_shown))
    assert len(line) <= width


def test_every_name_of_a_column_stands_for_one_field() -> None:
    names = [(name, field) for field, ranks in columns._RANKS.items() for name in ranks]
    assert [name for name, field in names if columns.field_named(name) != field] == []


TEXT = st.text(st.sampled_from("a'=+-@;,\"\t\r\n é\uff1d"), max_size=6)


@settings(max_examples=50)
@given(text=TEXT)
def test_every_cell_comes_back_and_none_is_a_formula(text: str) -> None:
    assert cells.unguard(cells.guard(text)) == text
    assert cells.guard(text)[:1] not in tuple("=+-@\t\r\n\uff1d")


NAME = TEXT.map(lambda text: " ".join(text.split())).filter(bool)


@settings(max_examples=30)
@given(
    tasks=st.lists(
        st.builds(
            Task,
            id=st.just(1),
            name=NAME,
            desc=TEXT,
            status=st.sampled_from(["PENDING", "IN_PROGRESS", "DONE", "CANCELLED"]),
            expires_at=st.none() | st.dates(),
            created_at=st.just("2026-01-31"),
            updated_at=st.just("2026-01-31T12:00:00Z"),
            etag=st.just('"1"'),
            assignees=st.lists(st.sampled_from([1, 2, 3]), unique=True, max_size=3).map(tuple),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_an_exported_file_is_imported_as_the_same_tasks(tasks: list[Task]) -> None:
    usernames = {1: "ann", 2: 'b;"c', 3: "=d, e"}.__getitem__
    content = b"".join(exporting.as_csv(tasks, usernames, mark=True))
    rows, problems = read(content)
    assert problems == []
    assert [(one.name, one.desc, one.status, one.expires_at, one.assignees) for one in rows] == [
        (
            task.name,
            task.desc,
            task.status,
            str(task.expires_at) if task.expires_at else None,
            tuple(usernames(user) for user in task.assignees),
        )
        for task in tasks
    ]
