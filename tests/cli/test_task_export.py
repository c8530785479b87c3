"""`billet task export`: CSV, JSON and iCalendar, of all tasks or of some."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from icalendar import Calendar

from billet.cli import main
from chalicelib.domain.task import TaskFields
from chalicelib.services import assignments, tasks, users
from tests.support.people import Billet

pytestmark = pytest.mark.backend("moto")
Export = Callable[..., Result]


@pytest.fixture
def export(billet: Billet) -> Export:
    """Return a function that runs the command against a server with three tasks."""
    for name in ("ann@example.com", "bob"):
        users.create(name)
    tasks.create(TaskFields(name="=1+1", desc="One;\nTwo\x07", expires_at="2030-12-24"))
    tasks.create(TaskFields(name="Plan", status="DONE"))
    tasks.create(TaskFields(name="Do", status="IN_PROGRESS", expires_at="2031-01-01"))
    for user in (1, 2):
        assignments.assign(1, user)
    return partial(billet, "task", "export")


def test_csv_has_each_field_and_no_cell_that_a_spreadsheet_runs(export: Export) -> None:
    done = export("--csv")
    assert (done.exit_code, done.stderr) == (0, "Exported 3 tasks\n")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(done.stdout, newline=""))}
    assert sorted(rows) == ["1", "2", "3"]
    first = rows["1"]
    created = date.fromisoformat(first.pop("created_at"))
    assert created <= datetime.fromisoformat(first.pop("updated_at")).date()
    assert first == {
        "id": "1",
        "name": "'=1+1",
        "desc": "One;\nTwo\x07",
        "status": "PENDING",
        "expires_at": "2030-12-24",
        "assignees": "ann@example.com;bob",
    }


def test_json_has_the_bodies_of_the_api(export: Export) -> None:
    bodies = json.loads(export("--json").stdout)
    assert [(body["id"], body["assignees"]) for body in bodies] == [(3, []), (2, []), (1, [1, 2])]
    assert set(bodies[0]) >= {"name", "desc", "status", "expires_at", "created_at", "updated_at"}
    assert json.loads(export("--json", "--status", "cancelled").stdout) == []


def test_a_calendar_has_a_todo_for_each_task(export: Export) -> None:
    calendar = Calendar.from_ical(export("--ics").stdout.replace("\n", "\r\n"))
    todos: dict[str, Any] = {str(todo["summary"]): todo for todo in calendar.walk("VTODO")}
    assert {name: str(todo["status"]) for name, todo in todos.items()} == {
        "=1+1": "NEEDS-ACTION",
        "Plan": "COMPLETED",
        "Do": "IN-PROCESS",
    }
    first = todos["=1+1"]
    assert (str(first["description"]), str(first["due"].dt)) == ("One;\nTwo", "2030-12-24")
    assert [(str(one), one.params["CN"]) for one in first["attendee"]] == [
        ("mailto:ann@example.com", "ann@example.com"),
        ("invalid:nomail", "bob"),
    ]
    assert len({str(todo["uid"]) for todo in todos.values()}) == 3
    assert "due" not in todos["Plan"]


def test_some_tasks_are_exported(export: Export) -> None:
    for options, names in (
        (("--status", "open"), ["Do", "=1+1"]),
        (("--status", "done"), ["Plan"]),
        (("--user", "bob"), ["=1+1"]),
        (("--due-before", "2030-12-31"), ["=1+1"]),
        (("--due-after", "2030-12-31"), ["Do"]),
        (("--unassigned", "--status", "open"), ["Do"]),
    ):
        done = export("--json", *options)
        assert done.exit_code == 0, done.output
        assert [body["name"] for body in json.loads(done.stdout)] == names, options


def test_a_file_is_replaced_only_when_all_is_written(export: Export, tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    file.write_text("before")
    for wrong in (("--user", "nobody"), ("--due-before", "2030-12-24", "--user", "999")):
        assert export("--csv", "--out", str(file), *wrong).exit_code == 1
        assert file.read_text() == "before"
    assert export("--out", str(file)).exit_code == 0
    assert file.read_bytes().startswith(b'\xef\xbb\xbf"id","name"')
    assert [path.name for path in tmp_path.glob("*tasks*")] == ["tasks.csv"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "give one of --csv, --ics and --json, or a file with such an ending: --out tasks.csv"),
        (("--csv", "--user", "bob", "--unassigned"), "give only one of --user and --unassigned"),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], error: str) -> None:
    done = CliRunner().invoke(main, ["task", "export", *arguments])
    assert (done.exit_code, done.stderr) == (2, f"Error: {error}\n")
