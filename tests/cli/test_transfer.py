"""`billet export` and `billet import`: round trips, wrong files, and databases that have data."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from click.testing import CliRunner, Result
from pynamodb.connection import Connection

from billet.integrity import findings
from billet.metering import event_handler
from billet.transfer import parallel
from billet.transfer.commands import export_command, import_command
from billet.transfer.records import TaskRecord, TokenRecord, UserRecord
from chalicelib.domain.errors import LostRace
from chalicelib.domain.task import MAX_ASSIGNEES, Task, TaskFields, TaskUpdate
from chalicelib.domain.token import Token
from chalicelib.domain.user import User
from chalicelib.dynamodb import (
    backoff,
    client,
    clock,
    queries,
    schema_version,
    token_writes,
    user_writes,
)
from chalicelib.dynamodb.models import TaskModel, TokenModel, UserModel
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import assignments, tasks, tokens, users
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.conftest import Bind
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import done_and_silent, operation, throttled
from tests.support.table_contents import empty_tables

pytestmark = pytest.mark.backend("fastest")

ANN, BOB, CAT = 1, 2, 3
HEADER = {"kind": "header", "format": 1, "schema": schema_version.KNOWN}
USER = {"kind": "user", "id": 1, "username": "Ann", "created_at": "2026-01-31T12:00:00.000000Z"}
TASK = {
    "kind": "task",
    "id": 1,
    "name": "Plan",
    "desc": "",
    "status": "PENDING",
    "expires_at": None,
    "created_at": "2026-01-31T12:00:00.000001Z",
    "updated_at": "2026-01-31T12:00:02Z",
    "assignees": [1],
    "version": 2,
}
TOKEN = {
    "kind": "token",
    "digest": "a" * 64,
    "name": "ci",
    "role": "reader",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "expires_at": None,
    "last_four": "abcd",
}
END = {"kind": "end", "users": 1, "tasks": 1, "tokens": 1, "last_user_id": 1, "last_task_id": 1}
WHOLE = [HEADER, USER, TASK, TOKEN, END]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read tables in several pages."""
    monkeypatch.setattr(parallel, "PAGE", 3)


@pytest.fixture
def filled(database: Settings) -> Settings:
    """Ann and Bob share a task, Bob has another; the last user and the last task were deleted."""
    for name in ("Ann", "Bob", "Çağ", "Dan"):
        users.create(name)
    days = ("2030-01-01", None, "9999-12-31", "2029-01-01", None)
    for number, day in enumerate(days, 1):
        tasks.create(TaskFields(name=f"Task {number}", desc="é\n" * number, expires_at=day))
    for task_id, user_id in ((1, ANN), (1, BOB), (2, BOB)):
        assignments.assign(task_id, user_id)
    tasks.update(3, TaskUpdate(status="DONE"))
    tasks.delete(5)
    users.delete(4)
    return database


def empty(bind: Bind, lanes: int = 1) -> None:
    """Remove all data, and lay the tables out for a number of lanes."""
    empty_tables()
    bind(lanes)


def export(file: Path | str, *options: str) -> Result:
    return CliRunner().invoke(export_command, [str(file), *options])


def import_(file: Path | str, *options: str, **more: Any) -> Result:
    return CliRunner().invoke(import_command, [str(file), *options], **more)


def lists() -> list[Any]:
    """Return what clients see: each list, in its order, with the versions that ETags have."""
    pagings = [
        Paging(sort=sort, statuses=statuses)
        for sort in ("created_at", "expires_at")
        for statuses in ((), ("PENDING",), ("DONE",))
    ]
    found: list[Any] = [users.page(Paging()).items]
    for paging in pagings:
        found.append(tasks.page(paging).items)
        found += [assignments.page(user_id, paging).items for user_id in (ANN, BOB, CAT)]
    return [[without_place(entity) for entity in page] for page in found]


def without_place(entity: Any) -> dict[str, Any]:
    """Return an entity's fields without the lane, and without the count that only grows."""
    fields = msgspec.structs.asdict(entity)
    return {k: v for k, v in fields.items() if k not in {"lane", "assignment_count"}}


def write_lines(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.backend("moto", "dynamodb-local")
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("lanes", [1, 4])
def test_an_import_gives_the_database_that_was_exported(
    bind: Bind, tmp_path: Path, lanes: int
) -> None:
    one, other = tmp_path / "one.gz", tmp_path / "other.gz"
    before = lists()
    assert export(one).stderr.endswith("Exported 3 users, 4 tasks\n")
    empty(bind, lanes)
    assert import_(one).stdout == (
        "Imported 3 users, 4 tasks; 0 were there already\n`billet doctor` checks the result\n"
    )
    assert lists() == before
    assert not list(findings())
    export(other)
    assert one.read_bytes() == other.read_bytes()
    created = [users.create("Eve").id, tasks.create(TaskFields(name="New")).task.id]
    assert created > [4, 5]  # no id is allocated again, not even a deleted one's
    assert one.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("filled")
def test_the_file_is_the_same_compressed_or_not_and_on_the_standard_streams(
    bind: Bind,
    tmp_path: Path,
) -> None:
    plain, compressed = tmp_path / "plain", tmp_path / "compressed.gz"
    export(plain)
    export(compressed)
    stream = export("-").stdout_bytes
    assert plain.read_bytes() == gzip.decompress(compressed.read_bytes()) == stream
    before = lists()
    for source, given in (("-", stream), ("-", compressed.read_bytes()), (str(plain), b"")):
        empty(bind)
        assert import_(source, input=given).exit_code == 0
        assert lists() == before


@pytest.mark.usefixtures("filled")
def test_a_failed_export_leaves_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    file.write_text("older")
    UserModel(9, username="x\ty", created_at="2026-01-31T12:00:00.000000Z").save()
    failed = export(file)
    assert failed.stderr.endswith(
        "Error: user 9: an import would refuse it (username: must not contain control characters);"
        " correct it first\n"
    )
    assert failed.exit_code == 1
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(file.name, "older")]


@pytest.mark.usefixtures("filled")
def test_an_import_that_was_stopped_can_be_run_again(tmp_path: Path) -> None:
    file, again = tmp_path / "a", tmp_path / "b"
    export(file)
    for task_id in (2, 3):
        tasks.delete(task_id)  # as if it had not been written
    stopped = import_(file, "--dry-run")
    assert stopped.stdout == "Would import 0 users, 2 tasks; 5 were there already\n"
    assert queries.task(2) is None
    assert import_(file).stdout.startswith("Imported 0 users, 2 tasks; 5 were there already\n")
    assert import_(file).stdout.startswith("Imported 0 users, 0 tasks; 7 were there already\n")
    export(again)
    assert file.read_bytes() == again.read_bytes()
    assert not list(findings())


@pytest.mark.usefixtures("filled")
def test_each_write_can_be_the_last_of_an_import(
    bind: Bind,
    tmp_path: Path,
    endpoint: str,
    connections: dict[str, Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, again = tmp_path / "a", tmp_path / "b"
    export(file)
    empty(bind)
    monkeypatch.setattr("billet.transfer.importing.MAX_BYTES", 1)  # a transaction for each task
    stops = 0
    while stop_after(2, connections[endpoint], partial(import_, file)).exit_code:
        stops += 1
        assert not list(findings())
    assert stops >= 2
    export(again)
    assert file.read_bytes() == again.read_bytes()


def stop_after(count: int, connection: Connection, run: Callable[[], Result]) -> Result:
    """Run a command whose calls are refused after `count` writes of users and tasks."""
    done: list[str] = []

    def before_call(params: dict[str, Any], **_: Any) -> None:
        if "counters" in str(params["body"]):
            return
        if len(done) >= count:
            raise LostRace
        done.append("write")

    with (
        event_handler(connection.client, "before-call.dynamodb.TransactWriteItems", before_call),
        event_handler(connection.client, "before-call.dynamodb.PutItem", before_call),
    ):
        return run()


@pytest.mark.usefixtures("filled")
def test_an_import_waits_for_a_database_that_is_overloaded(
    bind: Bind,
    tmp_path: Path,
    endpoint: str,
    connections: dict[str, Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backoff, "LONGEST", 0.0)
    file, again = tmp_path / "a", tmp_path / "b"
    connection = connections[endpoint]
    for run, calls in ((partial(export, file), "Scan"), (partial(import_, file), "Transact")):
        if run.func is import_:
            empty(bind)
        refused: list[AWSResponse] = []

        def refuse(
            request: AWSPreparedRequest, calls: str = calls, refused: Any = refused, **_: Any
        ) -> AWSResponse | None:
            if calls not in operation(request) or len(refused) > 2 * client.ATTEMPTS:
                return None
            refused.append(throttled(request))
            return refused[-1]

        with event_handler(connection.client, "before-send.dynamodb", refuse):
            assert run().exit_code == 0
        assert len(refused) > 2 * client.ATTEMPTS
    export(again)
    assert file.read_bytes() == again.read_bytes()


@pytest.mark.usefixtures("filled")
def test_an_import_goes_on_if_the_reply_to_a_write_is_lost(
    bind: Bind,
    tmp_path: Path,
    endpoint: str,
    connections: dict[str, Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task alone is a single write, which `client` does not send again."""
    monkeypatch.setattr("billet.transfer.importing.MAX_BYTES", 1)
    file, again = tmp_path / "a", tmp_path / "b"
    export(file)
    empty(bind)
    lost: list[AWSPreparedRequest] = []

    def lose(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if operation(request) != "PutItem" or lost:
            return None
        lost.append(request)
        return done_and_silent(request)

    with event_handler(connections[endpoint].client, "before-send.dynamodb", lose):
        assert import_(file).exit_code == 0
    assert lost
    export(again)
    assert file.read_bytes() == again.read_bytes()


@pytest.mark.usefixtures("database")
def test_a_task_with_all_possible_assignees_is_imported(bind: Bind, tmp_path: Path) -> None:
    file, again = tmp_path / "a", tmp_path / "b"
    user_ids = tuple(add_users(MAX_ASSIGNEES))
    add_tasks(1, user_ids[1:])
    assignments.assign(1, user_ids[0])
    export(file)
    empty(bind)
    assert import_(file).exit_code == 0
    task = queries.task(1)
    assert task is not None
    assert task.assignees == user_ids
    assert not list(findings())
    export(again)
    assert file.read_bytes() == again.read_bytes()


@pytest.mark.usefixtures("filled")
def test_a_user_who_is_being_deleted_is_not_exported(tmp_path: Path) -> None:
    ann = queries.user(ANN)
    assert ann is not None
    transaction = Transaction()
    user_writes.mark_as_deleting(transaction, ann)
    transaction.commit()
    file = tmp_path / "a"
    export(file)
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["id"] for one in found if one["kind"] == "user"] == [BOB, CAT]
    assert [one["assignees"] for one in found if one["kind"] == "task"] == [[BOB], [BOB], [], []]


@pytest.mark.usefixtures("filled")
def test_an_export_fits_together_if_the_data_changes_while_it_is_read(
    bind: Bind,
    tmp_path: Path,
    endpoint: str,
    connections: dict[str, Connection],
) -> None:
    """After the users are read, one goes, and another with the same name comes."""
    changed: list[int] = []

    def before_call(params: dict[str, Any], **_: Any) -> None:
        if TaskModel.Meta.table_name in str(params["body"]) and not changed:
            changed.append(ANN)
            users.delete(ANN)
            changed.append(users.create("ann").id)
            assignments.assign(3, changed[1])

    file = tmp_path / "a"
    with event_handler(connections[endpoint].client, "before-call.dynamodb.Scan", before_call):
        assert export(file).exit_code == 0
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert {one["id"]: one["username"] for one in found if one["kind"] == "user"} == {
        BOB: "Bob",
        CAT: "Çağ",
        changed[1]: "ann",
    }
    before = lists_of_tasks()
    empty(bind)
    assert import_(file).exit_code == 0
    assert lists_of_tasks() == before


def lists_of_tasks() -> list[Any]:
    return [without_place(task) for task in tasks.page(Paging()).items]


@pytest.mark.usefixtures("filled")
def test_an_assignee_who_does_not_exist_stops_an_export(tmp_path: Path) -> None:
    UserModel(BOB).delete()
    failed = export(tmp_path / "a")
    assert failed.stderr.endswith(
        "Error: task 1: has the assignee 2, who does not exist;"
        " run `billet doctor --repair` first\n"
    )


def test_a_record_has_each_field_of_its_entity() -> None:
    def fields(kind: type[msgspec.Struct]) -> set[str]:
        return set(kind.__struct_fields__)

    assert fields(Token) == fields(TokenRecord)
    # An export leaves out feeds, and the users that are being deleted. An import counts the
    # assignments.
    assert fields(Task) - {"hidden_assignees"} == fields(TaskRecord)
    assert fields(User) - {"assignment_count", "deleting", "feed_digest"} == fields(UserRecord)


@pytest.mark.usefixtures("database")
def test_tokens_move_only_if_both_commands_are_told_to(bind: Bind, tmp_path: Path) -> None:
    without, with_ = tmp_path / "without", tmp_path / "with"
    secret, token = tokens.issue("ci", "reader", None)
    export(without)
    assert export(with_, "--with-tokens").stderr.endswith("0 tasks and 1 tokens\n")
    assert token.digest not in without.read_text()
    assert secret not in with_.read_text()
    empty(bind)
    assert "1 tokens of the file are left out" in import_(with_).stdout
    assert tokens.find_valid(secret) is None
    tokens.issue("other", "reader", None)  # of the operator of the new database
    for done in ("0 tasks and 1 tokens; 0 were there", "0 tasks and 0 tokens; 1 were there"):
        for option, begin in (("--dry-run", "Would import"), ("--with-tokens", "Imported")):
            said = import_(with_, "--with-tokens", option).stdout
            assert said.startswith(f"{begin} 0 users, {done} already\n")
        assert tokens.find_valid(secret) == token


@pytest.mark.usefixtures("database")
def test_a_token_with_other_values_stops_an_import_before_it_writes(tmp_path: Path) -> None:
    whole = write_lines(tmp_path / "whole", WHOLE)
    other = {key: value for key, value in TOKEN.items() if key != "kind"} | {"role": "admin"}
    token_writes.create_token(msgspec.convert(other, Token))
    for options in (["--dry-run"], []):
        failed = import_(whole, "--with-tokens", *options)
        assert failed.exit_code == 1
        assert "has another role in the file; import into an empty database" in failed.stderr
        assert not any(list(model.scan()) for model in (UserModel, TaskModel))


def with_values(line: dict[str, Any], **values: Any) -> dict[str, Any]:
    return line | values


def without(name: str, line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != name}


def wrong_files() -> Iterator[tuple[list[Any], str]]:
    """Yield wrong files, and what is said about them after the file's name."""
    user = partial(with_values, USER)
    task = partial(with_values, TASK)
    token = partial(with_values, TOKEN)
    yield [], ": is empty"
    yield [USER], ", line 1: must be the header of an export"
    yield [HEADER, USER], ": is cut off; its last line must have the counts"
    yield (
        [{**HEADER, "format": 2}, END],
        (", line 1: format: must be 1, the only one that this release reads"),
    )
    yield (
        [{**HEADER, "schema": 99}, END],
        (
            f", line 1: schema: must be at most {schema_version.KNOWN}; "
            "a newer release made the file"
        ),
    )
    yield [HEADER, HEADER], ", line 2: must be a record"
    yield [*WHOLE, USER], ", line 6: comes after the line with the counts"
    yield [HEADER, []], ", line 2: must be a JSON object with a kind"
    yield (
        [HEADER, {"kind": "tsak"}],
        (", line 2: kind: must be one of header, user, task, token, end"),
    )
    yield [HEADER, USER, user(id=1)], ", line 3: user 1 is in the file twice"
    yield [HEADER, user(id=0)], ", line 2: id: must be an integer from 1 to 9007199254740991"
    yield (
        [HEADER, user(username=" \t")],
        (", line 2: username: must not contain control characters"),
    )
    yield (
        [HEADER, user(username="\ufdfa" * 100)],
        (", line 2: username: must have at most 2048 bytes in UTF-8"),
    )
    yield (
        [HEADER, user(created_at="2026-02-30T00:00:00.000000Z")],
        (", line 2: created_at: must be a time in UTC such as 2026-01-31T12:00:00.000000Z"),
    )
    yield (
        [HEADER, user(created_at="yesterday")],
        (", line 2: created_at: must be a time in UTC such as 2026-01-31T12:00:00.000000Z"),
    )
    yield (
        [HEADER, task(updated_at="2026-01-31T12:00:60Z")],
        ", line 2: updated_at: must be a time in UTC such as 2026-01-31T12:00:00Z, or null",
    )
    yield [HEADER, without("version", TASK)], ", line 2: version: required"
    yield (
        [HEADER, user(email="a@b.c")],
        ", line 2: email: unknown field; allowed are created_at, id, username, version",
    )
    yield (
        [HEADER, task(color="red")],
        ", line 2: color: unknown field; allowed are assignees, created_at, desc, expires_at, id, "
        "name, status, updated_at, version",
    )
    yield [HEADER, token(color="red")], ", line 2: color: unknown field; allowed are created_at, "
    yield (
        [HEADER, task(status="FINISHED")],
        (", line 2: status: must be one of PENDING, IN_PROGRESS, DONE, CANCELLED"),
    )
    yield (
        [HEADER, task(expires_at="2026-02-30")],
        (", line 2: expires_at: must be a date that exists, YYYY-MM-DD, or null"),
    )
    yield (
        [HEADER, task(assignees=[2, 1])],
        (", line 2: assignees: must be up to 50 ids of users in ascending order"),
    )
    yield (
        [HEADER, task(assignees=[*range(1, 52)])],
        (", line 2: assignees: must be up to 50 ids of users in ascending order"),
    )
    yield (
        [HEADER, token(digest="secret")],
        (", line 2: digest: must be a SHA-256 digest in hexadecimal"),
    )
    yield [HEADER, USER, TASK, END], ": tokens: the last line says 1, the file has 0"
    yield (
        [HEADER, USER, task(id=2), TOKEN, END],
        (": last_task_id: must be at least 2, the highest id"),
    )
    for name in ("last_user_id", "last_task_id"):
        for last in (2**53 - 1, 2**53 - 1_000_000):  # no room for new ids
            yield (
                [HEADER, USER, TASK, TOKEN, END | {name: last}],
                f", line 5: {name}: must be an integer from 0 to 9007199253740991",
            )
    yield (
        [
            HEADER,
            USER,
            user(id=2, username="ANN"),
            TASK,
            TOKEN,
            END | {"users": 2, "last_user_id": 2},
        ],
        (": users 1, 2 have the same username"),
    )
    yield (
        [HEADER, USER, task(assignees=[1, 7]), TOKEN, END],
        (": task 1: the assignee 7 is not in the file"),
    )


WRONG = list(wrong_files())


@pytest.fixture
def no_database() -> None:
    """Bind the models to an address where no database is."""
    client.bind(Settings())


@pytest.mark.usefixtures("no_database")
@pytest.mark.parametrize(("lines", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_file_is_one_line_before_the_database_is_asked(
    tmp_path: Path, lines: list[Any], message: str
) -> None:
    file = write_lines(tmp_path / "file", lines)
    failed = import_(file, "--with-tokens")
    assert failed.exit_code == 1
    assert failed.stderr.splitlines()[-1].startswith(f"Error: {file}{message}")


@pytest.mark.usefixtures("no_database")
@pytest.mark.parametrize(
    "content",
    ["name;due\nPay;\n", "BEGIN:VCALENDAR\n", '{"cards": [], "lists": []}', "[\n{}]", '{"kind":1}'],
)
def test_an_import_of_another_kind_of_file_names_the_command_for_it(content: str) -> None:
    failed = import_("-", input=content)
    assert failed.exit_code == 1
    assert failed.stderr.splitlines()[-1].endswith(
        "; to import tasks from CSV, Todoist, Trello or iCalendar, use `billet task import`"
    )


@pytest.mark.parametrize("name", ["tasks.csv", "tasks.ICS"])
def test_an_import_of_csv_names_the_command_for_it_where_no_database_is(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("name\nPay\n")
    failed = import_(name)
    assert (failed.exit_code, failed.stderr.splitlines()[-1]) == (
        2,
        "Error: Invalid value for 'FILE': must be a file that `billet export` made; to import "
        "tasks from CSV, Todoist, Trello or iCalendar, use `billet task import`",
    )


@pytest.mark.usefixtures("no_database")
@pytest.mark.parametrize("name", ["tasks.csv", "tasks.ICS", "tasks.json", "tasks.csv.gz"])
def test_an_export_does_not_give_its_file_the_ending_of_another_format(
    tmp_path: Path, name: str
) -> None:
    failed = export(tmp_path / name)
    ending = name.lower().removeprefix("tasks").removesuffix(".gz")
    assert (failed.exit_code, failed.stderr.splitlines()[-1]) == (
        2,
        f"Error: Invalid value for 'FILE': must not end in {ending}, because it will be "
        "JSON Lines with all data; "
        "`billet task export` writes tasks as CSV, iCalendar or JSON",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_database")
def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    whole = write_lines(tmp_path / "whole", WHOLE)
    compressed = gzip.compress(whole.read_bytes())
    contents = {
        b"\xff\n": ", line 1: must be JSON",
        b"x" * 2_000_000: "Error: -, line 1: must have at most 1048576 bytes",
        b'{"kind":"header"}\n{"kind":"user","kind":"task"}': "2: kind: must be given only once",
        b'{"kind":"header","format":1,"format":2}\n': "line 1: format: must be given only once",
        compressed[:-12]: "is cut off or damaged",
        compressed[:20] + b"\0\0\0\0" + compressed[24:]: "is cut off or damaged",
    }
    for content, message in contents.items():
        failed = import_("-", input=content)
        assert failed.exit_code == 1
        assert message in failed.stderr.splitlines()[-1]
    assert "cannot be read (No such file" in import_(tmp_path / "none").stderr


@pytest.mark.usefixtures("database")
def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    failed = export(tmp_path / "none" / "file")
    assert failed.exit_code == 1
    assert "cannot be written (No such file" in failed.stderr


@pytest.mark.usefixtures("database")
def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    whole = write_lines(tmp_path / "whole", WHOLE)
    dry = import_(whole, "--dry-run", "--with-tokens")
    assert dry.stdout == "Would import 1 users, 1 tasks and 1 tokens; 0 were there already\n"
    assert not any(list(model.scan()) for model in (UserModel, TaskModel, TokenModel))
    assert import_(whole, "--with-tokens").exit_code == 0
    assert lists_of_tasks()[0]["created_at"] == TASK["created_at"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda: tasks.update(1, TaskUpdate(name="New")),
            "task 1: has another name and updated_at and version",
        ),
        (
            lambda: assignments.assign(3, CAT),
            "task 3: has another assignees and updated_at and version",
        ),
        (lambda: users.create("Eve"), "the database has user 5, which is not in the file"),
        (lambda: tasks.create(TaskFields(name="New")), "the database has task 6, which is not"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_an_import_names_what_the_database_has_and_the_file_has_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[], object],
    message: str,
) -> None:
    file = tmp_path / "file"
    export(file)
    monkeypatch.setattr(clock, "now_in_seconds", lambda: "2030-01-31T12:00:00Z")
    change()
    tasks.delete(4)
    failed = import_(file)
    assert failed.exit_code == 1
    assert failed.stderr.splitlines()[-1].startswith(f"Error: {message}")
    assert failed.stderr.endswith("import into an empty database\n")
    assert queries.task(4) is None


def test_missing_tables_are_one_line(bind: Bind, tmp_path: Path) -> None:
    settings = bind()
    client.bind(Settings(table_prefix="absent"), client.database.connection)
    for failed in (export(tmp_path / "a"), import_(write_lines(tmp_path / "b", WHOLE))):
        assert failed.exit_code == 1
        assert "the tables absent-* in " in failed.stderr
        assert "`billet deploy` or `billet migrate up` creates them" in failed.stderr
    client.bind(settings, client.database.connection)
