"""`billet task import`: all or nothing, once however often it is repeated."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import Result

from billet.people.exchange import assignees, checking, formats, identity, ledger, plan, sending
from billet_client import BilletError, Client, NotFound
from chalicelib.app_factory import BilletApp
from chalicelib.domain.task import TaskUpdate
from chalicelib.services import tasks, users
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.support.in_process import ADDRESS, Fault, Faulty, answer, lost_reply, lost_request
from tests.support.people import Billet

pytestmark = pytest.mark.backend("moto")

FILE = """\
Title;Due;State;Owner;Priority
Write the report;4.3.2026;doing;"Ann; bob";high
Book the venue;;;ann;
Write the report;4.3.2026;doing;BOB;
"""
Import = Callable[..., Result]


@pytest.fixture(autouse=True)
def state_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.csv"
    path.write_text(FILE)
    return path


@pytest.fixture
def run(billet: Billet) -> Import:
    """Return a function that runs the command against a server that has the user ann."""
    users.create("ann")
    return lambda *arguments: billet("task", "import", *map(str, arguments))


def stored() -> list[tuple[str, str, str | None, tuple[int, ...]]]:
    """Return name, status, due date and assignees of each task, the first created first."""
    page = tasks.page(Paging(order="asc"))
    return [(one.name, one.status, one.expires_at, one.assignees) for one in page.items]


def test_a_file_is_checked_then_shown_then_imported_once(
    run: Import, billet: Billet, file: Path
) -> None:
    refused = run(file, "--yes")
    assert (refused.exit_code, refused.stderr) == (
        2,
        'line 2, Owner: "bob" is no user (in 2 lines); --create-users creates the users'
        " that are missing\n"
        "Error: 1 problem must be corrected first; nothing was imported\n",
    )
    shown = run(file, "--create-users", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert [line.rstrip() for line in shown.stdout.splitlines()] == [
        "Read 3 tasks: CSV (UTF-8, columns separated by semicolons)",
        "Fields: name from Title; due from Due; status from State; assignees from Owner",
        "Left out: column Priority, with a value in 1 row",
        "LINE  NAME              STATUS       DUE         ASSIGNEES",
        "   2  Write the report  IN_PROGRESS  2026-03-04  Ann, bob",
        "   3  Book the venue    PENDING                  ann",
        "   4  Write the report  IN_PROGRESS  2026-03-04  BOB",
        "Creates 1 user: bob",
        f"Would import 3 tasks into {billet.url}; nothing was written",
    ]
    asked = run(file, "--create-users")
    assert (asked.exit_code, asked.stderr.splitlines()[-1]) == (
        2,
        "Error: there is no terminal to ask on; --yes imports without a question",
    )
    assert (stored(), len(users.page(Paging()).items)) == ([], 1)

    done = run(file, "--create-users", "--yes")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"Imported 3 tasks into {billet.url}"
    report = ("Write the report", "IN_PROGRESS", "2026-03-04")
    assert stored() == [
        (*report, (1, 2)),
        ("Book the venue", "PENDING", None, (1,)),
        (*report, (2,)),
    ]


def test_a_repeat_creates_only_what_is_new(run: Import, file: Path) -> None:
    assert run(file, "--create-users", "--yes").exit_code == 0
    tasks.update(1, TaskUpdate(name="Renamed", status="DONE"))
    tasks.delete(2)
    with file.open("a") as more:
        more.write("Something new;;;;\n")
    before = run(file, "--dry-run").stdout
    assert "Already there: 2 tasks" in before
    assert "Imported before and deleted since: 1 task" in before
    assert run(file, "--yes").exit_code == 0
    assert [name for name, *_ in stored()] == ["Renamed", "Write the report", "Something new"]
    assert run(file, "--yes").stdout.splitlines()[-1] == "There is nothing to import"
    assert run(file, "--yes", "--again").exit_code == 0
    assert [name for name, *_ in stored()][3:] == ["Book the venue"]


def test_rows_that_were_edited_in_an_export_are_named(
    run: Import, billet: Billet, file: Path, tmp_path: Path
) -> None:
    assert run(file, "--create-users", "--yes").exit_code == 0
    out = tmp_path / "edited.csv"
    assert billet("task", "export", "--out", str(out)).exit_code == 0
    out.write_text(out.read_text().replace('"PENDING"', '"DONE"').replace('"ann;bob"', '"ann"'))
    shown = run(out, "--yes").stdout.splitlines()
    assert shown[-3:] == [
        "Already there: 3 tasks with this name, description and due date",
        "Not changed: 2 tasks with another status or other assignees than in the file"
        " (lines 3, 4); an import only creates tasks",
        "There is nothing to import",
    ]
    names = tmp_path / "names.csv"
    names.write_text("name\nBook the venue\n")
    tasks.update(2, TaskUpdate(status="DONE"))
    assert "Not changed" not in run(names, "--yes").stdout


def test_what_was_exported_is_there_already_and_can_go_elsewhere(
    run: Import, billet: Billet, file: Path, tmp_path: Path
) -> None:
    assert run(file, "--create-users", "--yes").exit_code == 0
    first = stored()
    for format_ in ("csv", "ics"):
        out = tmp_path / format_
        exported = billet("task", "export", f"--{format_}", "--out", str(out))
        assert exported.exit_code == 0, exported.output
        again = run(out, "--yes")
        assert again.exit_code == 0, again.output
        assert again.stdout.splitlines()[-1] == "There is nothing to import"
        for number in range(len(first)):
            tasks.delete(len(first) * ("csv", "ics").index(format_) + number + 1)
        assert run(out, "--yes", "--again").exit_code == 0
        assert sorted(stored()) == sorted(first)


@pytest.fixture
def transport(database: Settings, application: BilletApp) -> Faulty:
    users.create("ann")
    return Faulty(application)


@pytest.fixture
def client(transport: Faulty) -> Iterator[Client]:
    with Client(ADDRESS, transport=transport, retries=0) as client:
        yield client


def import_rows(billet: Client, count: int) -> None:
    """Import a file with some tasks, as the command does after its question."""
    content = "name,assignees\n" + "".join(f"Task {number},ann\n" for number in range(count))
    found = formats.read(content.encode())
    rows, _ = checking.check(found, {}, None)
    ready = assignees.ready(rows, assignees.Users(billet))
    with ledger.opened(ADDRESS, write=True) as book:
        existing = plan.look_up(ready, book.imported(), billet.tasks.list())
        made = plan.make(ready, existing, book.sent(), again=False)
        sending.send(billet, made, book, "line", lambda _: None)


def batches(transport: Faulty) -> list[str]:
    """Return the idempotency keys of the batches that were sent."""
    return [
        request.headers["Idempotency-Key"]
        for request in transport.sent
        if request.url.path.endswith("/batch")
    ]


@pytest.mark.parametrize("fault", [lost_request, lost_reply, answer(503)])
def test_an_import_that_loses_its_connection_goes_on_where_it_was(
    fault: Fault,
    client: Client,
    transport: Faulty,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(identity, "MAX_OPERATIONS", 2)
    import_rows(client, 1)
    # the next import looks up the user, lists the tasks, and sends the first batch
    transport.faults.extend([passed, passed, passed, fault])
    with pytest.raises(BilletError):
        import_rows(client, 6)
    assert capsys.readouterr().err == (
        "\n2 of 5 tasks are in. To go on, run the same command again; no task is created twice\n"
    )
    import_rows(client, 6)
    assert sorted(name for name, *_ in stored()) == [f"Task {number}" for number in range(6)]
    _, _, failed, repeated, last = batches(transport)
    assert failed == repeated != last


def test_a_batch_that_the_api_refuses_is_not_repeated(
    client: Client, transport: Faulty, capsys: pytest.CaptureFixture[str]
) -> None:
    detail = "operations[0].task.assignees: user 1 does not exist"
    refusal = json.dumps({"title": "Not Found", "status": 404, "detail": detail}).encode()
    refused = answer(404, refusal, "application/problem+json")
    transport.faults.extend([passed, passed, refused])
    with pytest.raises(NotFound):
        import_rows(client, 1)
    assert 'The API refuses line 2, "Task 0"' in capsys.readouterr().err
    import_rows(client, 1)
    first, second = batches(transport)
    assert (first != second, len(stored())) == (True, 1)


def passed(_: httpx.Request, send: Callable[[], httpx.Response]) -> httpx.Response:
    """Do what a transport without faults does."""
    return send()
