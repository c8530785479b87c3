"""`billet migrate` on empty databases, those of the previous release, and damaged ones."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection

from billet.cli.doctor import doctor
from billet.cli.migrate import migrate
from billet.migrations import MIGRATIONS, database, lease, runner, scanning, state, tables
from billet.migrations.m0005_reservations import normalize, normalize_as_first_release
from billet.migrations.m0008_unassigned import add_last_change
from billet.migrations.migration import Scan
from billet.migrations.runner import schema_of
from billet.migrations.scanning import Options
from billet.migrations.schema import Index, Table, found
from billet.migrations.state import Position
from billet.serve.databases import Database, is_aws
from billet.serve.run import prepare
from chalicelib.domain.task import TaskUpdate
from chalicelib.dynamodb import client, schema_version
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES
from chalicelib.services import assignments, tasks, tokens, users
from chalicelib.settings import Settings
from tests.conftest import delete_tables
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import done_and_silent, inject_fault, operation
from tests.support.tables import make_tables, store_layout

pytestmark = pytest.mark.alters_tables

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
NEWEST = MIGRATIONS[-1].number
OLD_NAME = "\u1fb3\u0302"
"""A username whose reservation has another form now."""
TASKS = 240


def run(*arguments: str) -> tuple[int, list[str]]:
    result: Result = CliRunner().invoke(migrate, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    announced, *lines = result.output.splitlines() or [""]
    if not announced.startswith("endpoint "):  # a command that writes nothing
        lines = [announced, *lines]
    return result.exit_code, [line for line in lines if ": waiting, " not in line]


@pytest.fixture
def empty(endpoint: str, connections: dict[str, Connection], monkeypatch: Any) -> Iterator[str]:
    """Bind the models to tables that do not exist; return their prefix."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    monkeypatch.setattr(tables, "POLL_SECONDS", 0.01)
    prefix = f"empty-{os.urandom(6).hex()}"
    client.bind(Settings(table_prefix=prefix), connections.setdefault(endpoint, client.connect()))
    yield prefix
    client.bind(Settings(table_prefix=prefix), connections[endpoint])
    delete_tables()
    tables.remove_table(state.SUFFIX)


def counters() -> dict[str, Any]:
    return {item["name"]["S"]: item for item in database.every("counters")}


def shape(suffix: str) -> Any:
    """Return the keys, indexes and TTL of a table."""
    description = tables.describe(suffix)
    assert description
    indexes = {
        name: (sorted(map(str, one["KeySchema"])), one["Projection"])
        for name, one in found(description).items()
    }
    types = sorted(map(str, description["AttributeDefinitions"]))
    return description["KeySchema"], types, indexes, tables.expires_by(suffix)


def wire(value: Any) -> dict[str, Any]:
    return {"N": str(value)} if isinstance(value, int | float) else {"S": value}


def put(suffix: str, item: Any) -> None:
    service().put_item(TableName=database.table_name(suffix), Item=item)


def remove(suffix: str, **key: Any) -> None:
    raw = {name: wire(value) for name, value in key.items()}
    service().delete_item(TableName=database.table_name(suffix), Key=raw)


def service() -> Any:
    """Return botocore's client."""
    return client.database.connection.client


def only(suffix: str, name: str, value: Any) -> Any:
    """Return the one item whose attribute has this value."""
    [item] = [one for one in database.every(suffix) if one.get(name) == wire(value)]
    return item


def contents() -> dict[str, Any]:
    """Return all items, without those of migrations."""
    return {
        suffix: sorted(map(normal, database.every(suffix)))
        for suffix in SUFFIXES.values()
        if tables.describe(suffix)
    }


def normal(item: Any) -> str:
    """Return an item as text, the same for equal items."""
    return str(sorted((name, sorted(map(str, value.values()))) for name, value in item.items()))


@pytest.fixture
def previous(empty: str) -> list[int]:
    """Bind the models to tables of the previous release, with items in its form.

    Returns:
        The ids of the tasks. User 1 has the first two; the first is due on the last day.
    """
    client.bind(Settings(table_prefix=empty, lanes=4), client.database.connection)
    for table in schema_of(MIGRATIONS[:1]).tables.values():
        list(tables.create_or_update(table, lambda: None))
    store_layout()
    add_users(1)
    users.create(OLD_NAME)
    made = add_tasks(1, [1], expires_at="9999-12-31") + add_tasks(1, [1]) + add_tasks(TASKS - 2)
    tokens.issue("ci", "editor", datetime(2030, 1, 31, 12, tzinfo=UTC))
    make_old(*made[:4])
    client.bind(Settings(table_prefix=empty), client.database.connection)
    return made


def make_old(last_day: int, assigned: int, changed: int, created: int) -> None:
    """Bring the items that have another form now into that of the previous release."""
    for task, key in ((assigned, "PENDING#3"), (changed, "DONE#3"), (created, None)):
        item = only("tasks", "id", task)
        item.pop("unassigned_lane", None)
        put("tasks", {**item, **({"unassigned_lane": wire(key)} if key else {})})
    remove("counters", name="lanes")
    key = f"9999-12-31#{last_day:016d}"
    put("tasks", {**only("tasks", "id", last_day), "urgency": wire(key)})
    of_status = {"status_urgency": wire(f"PENDING#{key}")}
    put("assignments", {**only("assignments", "id", last_day), "urgency": wire(key), **of_status})
    token = only("tokens", "name", "ci")
    put("tokens", {name: value for name, value in token.items() if name != "expires"})
    reservation = only("usernames", "name", normalize(OLD_NAME))
    remove("usernames", name=normalize(OLD_NAME))
    put("usernames", {**reservation, "name": wire(normalize_as_first_release(OLD_NAME))})


@pytest.mark.backend("moto")
def test_the_migrations_make_the_tables_and_items_that_the_tests_make_from_the_models(
    empty: str, connections: dict[str, Connection], endpoint: str
) -> None:
    assert run("up")[0] == 0
    assert run("status")[0] == 0
    migrated = {suffix: shape(suffix) for suffix in SUFFIXES.values()}
    items = counters()
    assert set(schema_of(MIGRATIONS).tables) == set(SUFFIXES.values())
    assert schema_of(MIGRATIONS).expiries == {
        SUFFIXES[model]: attribute for model, attribute in EXPIRIES.items()
    }
    delete_tables()
    client.bind(Settings(table_prefix=empty), connections[endpoint])
    make_tables()
    assert {suffix: shape(suffix) for suffix in SUFFIXES.values()} == migrated
    assert counters() == items


@pytest.mark.backend("fastest")
def test_a_database_of_the_previous_release_is_adopted_with_its_lanes_and_items(
    previous: list[int],
) -> None:
    before = contents()
    assert schema_version.read().mismatch
    assert run("status")[0] == 1
    assert run("up")[0] == 0
    assert run("status")[0] == 0
    assert only("counters", "name", "lanes")["lanes"] == wire(4)
    task, copy = only("tasks", "id", previous[0]), only("assignments", "id", previous[0])
    assert task["urgency"] == copy["urgency"] == wire(f"9999-12-30~#{previous[0]:016d}")
    assert copy["status_urgency"] == wire(f"PENDING#9999-12-30~#{previous[0]:016d}")
    assert only("tokens", "name", "ci")["expires"] == wire(1896091200)
    names = {one["name"]["S"] for one in database.every("usernames")}
    assert (normalize(OLD_NAME) in names, normalize_as_first_release(OLD_NAME) in names) == (1, 0)
    after = contents()
    keys = [only("tasks", "id", one).get("unassigned_lane") for one in previous[:4]]
    assert keys == [None, None, *(wire(f"PENDING#{one % 4}") for one in previous[2:4])]
    assert len([one for one in before["tasks"] if one not in after["tasks"]]) == 4
    for options in ([], ["--repair"]):
        checked = CliRunner().invoke(doctor, options)
        assert (checked.exit_code, checked.stdout) == (0, "Nothing is broken\n")
    assert contents() == after


@pytest.mark.backend("fastest")
def test_a_walk_decides_anew_about_an_item_that_a_server_changes_at_the_same_time(
    previous: list[int],
) -> None:
    assert run("up")[0] == 0
    make_old(*previous[:4])
    for number, task, updates, changed in (
        (8, previous[3], [{"desc": "a"}, {"desc": "b"}], 3),  # it has the old form then
        (8, previous[3], [{"desc": "c"}, {"status": "DONE"}], 0),  # it has the new form then
        (3, previous[0], [{"expires_at": None}], 0),  # it is left out then
    ):
        item = only("tasks", "id", previous[3])
        put("tasks", {name: one for name, one in item.items() if name != "unassigned_lane"})
        scan = next(one for one in MIGRATIONS[number - 1].scans if one.suffix == "tasks")
        outcome = walk_beside_a_server(scan, task, [TaskUpdate(**one) for one in updates])
        assert (outcome.changed, outcome.raced) == (changed, 0)
        again = scanning.Walk(scan, "", {}, Options(dry_run=True), lambda: None).run()
        assert again.changed == 0


def walk_beside_a_server(scan: Scan, task: int, updates: list[TaskUpdate]) -> Any:
    """Walk over a table while a server updates a task before each write of it."""

    def change_after_server(item: Any) -> Any:
        if item["id"] == wire(task) and updates:
            tasks.update(task, updates.pop(0))
        return scan.change(item)

    walk = scanning.Walk(replace(scan, change=change_after_server), "", {}, Options(), lambda: None)
    outcome = walk.run()
    assert updates == []
    return outcome


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("previous")
def test_an_interrupted_run_goes_on_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "PAGE", 90)
    monkeypatch.setattr(scanning, "ITEMS_PER_SEGMENT", 150)
    for call in range(2, 200, 2):
        with suppress(Killed), inject_fault(client.database.connection, Killer(call), lasting=True):
            runner.up(options=Options(quiet=True))
            break
    else:
        raise AssertionError("it makes no progress")
    assert call > 20  # it was killed in many places
    assert run("status")[0] == 0
    assert CliRunner().invoke(doctor).exit_code == 0
    names = {one["name"]["S"] for one in database.every("migrations")}
    assert names == {f"{one.number:04d}" for one in MIGRATIONS}


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing after it reaches the database."""


class Killer:
    """Kills a run at one of its calls. Reads of a table's state do not count: the longer the
    database builds an index, the more there are.
    """

    def __init__(self, call: int) -> None:
        self._before = iter(range(call))

    def __call__(self, request: Any) -> None:
        if not operation(request).startswith("Describe") and next(self._before, None) is None:
            raise Killed


@pytest.mark.backend("fastest")
def test_while_both_releases_run_a_username_has_both_reservations(previous: list[int]) -> None:
    assert run("expand")[0] == run("backfill")[0] == 0
    assert only("usernames", "name", normalize(OLD_NAME))
    assert only("usernames", "name", normalize_as_first_release(OLD_NAME))
    assert run("status")[0] == 1
    assert schema_version.read() == (NEWEST, 0)
    # The previous release goes on writing its own form.
    token = only("tokens", "name", "ci")
    put("tokens", {name: value for name, value in token.items() if name != "expires"})
    status, lines = run("verify")
    assert (status, "1 items of tokens have the old form, such as" in lines[-1]) == (1, True)
    assert only("tasks", "id", previous[0])["urgency"] == wire(f"9999-12-31#{previous[0]:016d}")
    status, lines = run("contract")
    assert (status, lines[1].partition(";")[0]) == (
        0,
        f"0003 contract tasks: {TASKS} items read, 1 changed",
    )
    assert schema_version.read() == (NEWEST, NEWEST)


@pytest.mark.walk
@pytest.mark.backend("fastest")
def test_contract_gives_copies_of_the_previous_release_the_last_change_of_their_task(
    previous: list[int],
) -> None:
    assert run("expand")[0] == run("backfill")[0] == 0
    assign_as_previous_release(previous[4])
    assert run("verify")[0] == 0
    assert "updated_at" not in CliRunner().invoke(doctor).output
    status, lines = run("contract")
    assert (status, "0008 contract assignments: 3 items read, 1 changed" in str(lines)) == (0, True)
    task, copy = only("tasks", "id", previous[4]), only("assignments", "id", previous[4])
    assert (copy["updated_at"], copy["version"]) == (task["updated_at"], task["version"])
    assert CliRunner().invoke(doctor).exit_code == 0


@pytest.mark.walk
@pytest.mark.backend("fastest")
def test_a_change_of_a_task_wins_over_what_contract_adds_to_its_copies(
    previous: list[int],
) -> None:
    assert run("expand")[0] == run("backfill")[0] == 0
    assign_as_previous_release(previous[4])
    copy = only("assignments", "id", previous[4])
    late = [*add_last_change(copy)]
    assert [*add_last_change({**copy, "version": wire(99)})] == []
    tasks.update(previous[4], TaskUpdate(desc="newer"))
    changed = contents()
    with pytest.raises(client.ConditionFailed):
        database.commit(*late)
    assert contents() == changed


def assign_as_previous_release(task: int) -> None:
    """Assign a task that this release has changed as a server without `updated_at` does."""
    tasks.update(task, TaskUpdate(desc="changed"))
    assignments.assign(task, 1)
    copy = only("assignments", "id", task)
    put("assignments", {name: one for name, one in copy.items() if name != "updated_at"})


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("previous")
def test_contract_walks_again_after_it_found_items_in_the_old_form_behind_its_walk() -> None:
    assert run("expand")[0] == run("backfill")[0] == 0
    state.save("0003 contract tasks 0/1", Position(done=True))
    status, lines = run("contract")
    assert (status, "1 items of tasks have the old form" in lines[-1]) == (1, True)
    assert run("contract")[0] == 0
    assert run("status")[0] == 0


@pytest.mark.backend("fastest")
def test_a_dry_run_counts_and_changes_nothing(
    previous: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "PAGE", 1)  # so that there are positions that it does not save
    before = contents()
    status, lines = run("backfill", "--dry-run", "--units-per-second", "100000")
    assert (status, tables.describe(state.SUFFIX)) == (0, None)
    assert any(
        line.startswith("0006 backfill tokens: 1 items read, 1 would change") for line in lines
    )
    status, lines = run("plan")
    assert status == 0
    assert lines[-1].startswith("In total at most $0.")
    planned = [line for line in run("plan", "--to", "6")[1] if line.startswith("00")]
    assert planned == [line for line in lines if "0001" <= line[:4] <= "0006"]
    assert contents() == before
    assert schema_version.read() == (0, 0)


@pytest.fixture
def migrated(empty: str) -> str:
    """Bind the models to migrated tables without items; return their prefix."""
    runner.up(options=Options(quiet=True))
    return empty


@pytest.fixture(scope="module")
def intact_prefixes(connections: dict[str, Connection]) -> Iterator[dict[str, str]]:
    """The prefixes of migrated tables that no test damages, by endpoint."""
    prefixes: dict[str, str] = {}
    yield prefixes
    for endpoint, prefix in prefixes.items():
        client.bind(Settings(table_prefix=prefix), connections[endpoint])
        delete_tables()
        tables.remove_table(state.SUFFIX)


@pytest.fixture
def intact(
    empty: str, endpoint: str, connections: dict[str, Connection], intact_prefixes: dict[str, str]
) -> Iterator[str]:
    """Bind the models to migrated tables whose items the test restores; return their prefix."""
    prefix = intact_prefixes.setdefault(endpoint, f"intact-{empty}")
    client.bind(Settings(table_prefix=prefix), connections[endpoint])
    if tables.describe(state.SUFFIX) is None:
        runner.up(options=Options(quiet=True))
    yield prefix
    for name in ("lease", "0099"):
        remove("migrations", name=name)


def make(suffix: str, key: tuple[str, ...], indexes: tuple[Index, ...] = ()) -> None:
    """Create a table anew, with this key and these indexes."""
    tables.remove_table(suffix)
    list(tables.create_or_update(Table(suffix, key, indexes), lambda: None))


@pytest.mark.walk  # DynamoDB Local takes half a minute to delete an index
@pytest.mark.backend("fastest")
def test_expand_repairs_what_is_missing_and_status_reports_it(migrated: str) -> None:
    make("users", ("id N",))
    tables.remove_table("quotas")
    make("replies", ("key S",))
    status, lines = run("status")
    assert (status, [line for line in lines if line.startswith("WRONG")]) == (
        1,
        [
            f"WRONG {migrated}-users: the index newest is MISSING",
            f"WRONG {migrated}-replies: TTL by expires is off",
            f"WRONG {migrated}-quotas: MISSING",
        ],
    )
    assert run("plan")[1][0].endswith("newest is MISSING: `billet migrate expand` repairs it")
    assert run("expand")[1][1:] == [
        f"{migrated}-users: index newest added",
        f"{migrated}-replies: TTL enabled",
        f"{migrated}-quotas: created, TTL enabled",
    ]
    assert run("status")[0] == 0


@pytest.mark.walk  # DynamoDB Local takes half a minute to delete an index
@pytest.mark.backend("fastest")
def test_an_index_with_another_projection_is_built_again_on_request(migrated: str) -> None:
    make("users", ("id N",), (Index("newest", ("lane N", "recency S")),))
    wrong = "the index newest does not have the projection INCLUDE created_at, username"
    status, lines = run("status")
    assert (status, lines[-1]) == (1, f"WRONG {migrated}-users: {wrong}")
    status, lines = run("expand")
    assert status == 1
    assert lines[-1] == (
        f"Error: {migrated}-users: {wrong}; `billet migrate expand --rebuild-indexes` builds it "
        "again, and requests that use it fail in the meantime"
    )
    status, lines = run("expand", "--rebuild-indexes")
    assert (status, lines[1:]) == (
        0,
        [f"{migrated}-users: index newest removed, index newest added"],
    )
    assert run("status")[0] == 0


ALL_LOCAL = next(one for one in MIGRATIONS[0].tables if one.suffix == "assignments").indexes


@pytest.mark.parametrize(
    ("suffix", "key", "indexes", "fault"),
    [
        ("users", ("id S",), (), "the table has the key (id S), and should have (id N)"),
        (
            "assignments",
            ("user_id N", "recency S"),
            ALL_LOCAL[:2],
            "it lacks the local index most_urgent_by_status",
        ),
        (
            "assignments",
            ("user_id N", "recency S"),
            (*ALL_LOCAL[:2], replace(ALL_LOCAL[2], include=("id",))),
            "the local index most_urgent_by_status has the projection INCLUDE id, and should have "
            "the projection ALL",
        ),
    ],
    ids=["key", "local index", "its projection"],
)
@pytest.mark.backend("fastest")
def test_a_table_that_cannot_be_changed_is_an_error_that_says_the_way_on(
    empty: str, suffix: str, key: tuple[str, ...], indexes: tuple[Index, ...], fault: str
) -> None:
    make(suffix, key, indexes)
    status, lines = run("up")
    assert status == 1
    assert lines[-1] == f"Error: {empty}-{suffix}: {fault}; {tables.EXPORT}"
    status, lines = run("status")
    assert status == 1
    assert f"WRONG {empty}-{suffix}: {fault}" in lines


@pytest.mark.parametrize(
    ("state_of_table", "state_of_index", "end"),
    [
        ("CREATING", "ACTIVE", "is not active after 0 seconds (table CREATING, newest ACTIVE)"),
        ("ACTIVE", "DELETING", "is not active after 0 seconds (table ACTIVE, newest DELETING)"),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", "ACTIVE", "repair it in the AWS console"),
    ],
)
@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_table_that_is_not_active_fails_and_waiting_has_a_bound(
    state_of_table: str, state_of_index: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = dict(tables.describe("users") or {})
    index = {**description["GlobalSecondaryIndexes"][0], "IndexStatus": state_of_index}
    description |= {"TableStatus": state_of_table, "GlobalSecondaryIndexes": [index]}
    real = tables.describe
    monkeypatch.setattr(
        tables, "describe", lambda suffix: description if suffix == "users" else real(suffix)
    )
    monkeypatch.setattr(tables, "MAX_WAIT_SECONDS", 0.0)
    status, lines = run("expand")
    assert (status, end in lines[-1]) == (1, True)
    assert run("status")[0] == 1


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_migration_that_changed_since_it_ran_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(MIGRATIONS[2]), "sha256", "0" * 64)
    for command in ("status", "up", "plan"):
        status, lines = run(command)
        assert (status, lines[-1]) == (
            1,
            "Error: billet/migrations/m0003_last_day.py has changed since it ran; restore it, and "
            "put the change into a new migration",
        )


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_database_of_a_newer_release_is_refused() -> None:
    newer = {"name": wire("0099"), "sha256": wire("0"), "file": wire("m0099_more.py")}
    put("migrations", newer)
    status, lines = run("up")
    assert (status, lines[-1]) == (
        1,
        "Error: the database has the migration m0099_more.py, which this release does not have; "
        "use the release that ran it",
    )


def take_lease(**changed: Any) -> dict[str, Any]:
    """Let another run on another machine have the lease."""
    held = {"owner": "eve@far, process 7", "token": "1", "machine": "far", "process": 7, **changed}
    item = {name: wire(value) for name, value in {"name": "lease", **held}.items()}
    put("migrations", item)
    return item


class Time:
    """A clock that only pauses move. In each pause, other runs may do something."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.steps: list[Callable[[], object]] = []

    def monotonic(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time of the lease."""
    time = Time()
    monkeypatch.setattr(lease, "monotonic", time.monotonic)
    monkeypatch.setattr(lease, "pause", time.pause)
    return time


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_of_two_runs_at_once_one_says_who_has_the_lease(time: Time) -> None:
    take_lease(renewed="2090-01-31T12:00:00Z")
    time.steps = [lambda: None, lambda: take_lease(token="2")]
    status, lines = run("expand")
    assert (status, lines[-1]) == (
        1,
        "Error: eve@far, process 7 is running migrations; run the command again when it has ended "
        "(`billet migrate status` shows it)",
    )
    take_lease(renewed="2090-01-31T12:00:00Z")
    status, lines = run("status")
    assert lines[-1] == (
        "running: eve@far, process 7, which renewed its lease at 2090-01-31T12:00:00Z"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"renewed": "2999-01-01T00:00:00Z"},
        {"token": ""},
        {"machine": f"other boot {Path('/proc/self/ns/pid').readlink()}", "process": 4000000},
        {"machine": lease._machine(), "process": -1},
        {"machine": lease._machine(), "process": os.getppid()},
    ],
    ids=["", "clock ahead", "no token", "other machine", "no process", "it lives but hangs"],
)
@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_lease_that_nobody_renews_is_taken_over_after_its_time_on_the_clock_of_the_other(
    time: Time, changed: dict[str, Any]
) -> None:
    held = take_lease(**changed)
    if held["token"] == wire(""):
        put("migrations", {"name": held["name"], "ends": wire(9999999999)})
        put("migrations", {"name": held["name"], "owner": held["owner"], "ends": wire(9999999999)})
    status, lines = run("expand")
    assert (status, time.now) == (0, 1000.0 + lease.LEASE_SECONDS)
    assert any("waiting for a sign of life" in line for line in lines)


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_lease_whose_process_has_ended_on_this_machine_is_taken_over_at_once(time: Time) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait(timeout=240)
    take_lease(machine=lease._machine(), process=ended.pid)
    assert run("expand")[0] == 0
    assert time.now == 1000.0


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_run_whose_lease_another_one_has_taken_over_stops(time: Time) -> None:
    with lease.held() as held:
        take_lease()
        held.keep()  # it has just renewed it
        time.now += lease.RENEW_SECONDS
        with pytest.raises(click.ClickException, match="another run has taken over"):
            held.keep()


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_run_renews_its_lease_whatever_the_wall_clock_does(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease.held() as held:
        token = only("migrations", "name", "lease")["token"]
        monkeypatch.setattr(state, "clock", lambda: 0.0)
        held.wait(lease.RENEW_SECONDS * 2)
        assert only("migrations", "name", "lease")["token"] != token


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_lease_is_kept_if_the_response_to_its_renewal_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = lease.Lease()
    held.acquire()
    later = lease.monotonic() + lease.RENEW_SECONDS
    monkeypatch.setattr(lease, "monotonic", lambda: later)
    with inject_fault(client.database.connection, done_and_silent, at=0) as sent:
        held.keep()
    assert len(sent) == 3  # the renewal, its repetition, which fails, and a read
    held.release()
    assert not lease.holder()


@pytest.mark.backend("fastest")
def test_a_server_waits_for_another_one_that_migrates_the_same_database(
    empty: str, time: Time, capsys: Any
) -> None:
    state.create()
    take_lease()
    tokens = map(str, range(2, 40))
    time.steps = [lambda: take_lease(token=next(tokens)) for _ in range(30)]
    time.steps.append(lambda: remove("migrations", name="lease"))
    prepare(Database("", local=True))
    assert capsys.readouterr().out == f"Database migrated from schema 0 to {NEWEST}\n"

    def wait_long() -> None:
        time.now += 600.0
        take_lease(token=next(tokens))

    take_lease()
    remove("counters", name="lanes")
    time.steps = [wait_long]
    with pytest.raises(click.ClickException, match="is running migrations"):
        prepare(Database("", local=True))


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_missing_or_broken_schema_version_is_written_again() -> None:
    item = only("counters", "name", "lanes")
    whole = {"name": item["name"]}
    for broken in ({**item, "schema": wire("seven")}, {**item, "schema": wire(7.5)}, whole):
        put("counters", broken)
        assert run("status")[0] == 1
        assert run("up")[0] == 0
        assert only("counters", "name", "lanes") == item


@pytest.mark.backend("fastest")
def test_lost_id_counters_are_not_created_anew_for_existing_items(migrated: str) -> None:
    add_users(1)
    [task] = add_tasks(1, [1])
    for name in counters():
        remove("counters", name=name)
    lost = (
        "Error: counters: users has items, but the id counters of users are lost; `billet doctor "
        "--repair` creates them, then run the command again"
    )
    for command in ("up", "backfill", "verify", "contract"):
        status, lines = run(command)
        assert (command, status, lines[-1]) == (command, 1, lost)
    tables.remove_table("counters")
    assert run("up")[1][-1] == lost
    repaired = CliRunner().invoke(doctor, ["--repair"])
    assert repaired.exit_code == 0, repaired.output
    assert run("up")[0] == run("status")[0] == 0
    client.bind(Settings(table_prefix=migrated), client.database.connection)
    assert add_tasks(1, [1])[0] > task
    assert CliRunner().invoke(doctor).exit_code == 0


LAST_DAY = {"expires_at": "9999-12-31", "urgency": "9999-12-31#x"}


@pytest.mark.parametrize(
    ("suffix", "item", "line"),
    [
        ("users", {"id": 7}, "users 7"),
        ("users", {"id": 7, "username": 5}, "users 7"),
        ("usernames", {"name": "ann"}, "usernames ann"),
        ("usernames", {"name": "ann", "user_id": "x"}, "usernames ann"),
        ("tasks", {"id": 1.5, **LAST_DAY}, "tasks 1.5"),
        (
            "assignments",
            {"user_id": 1, "recency": "x", "status": "DONE", **LAST_DAY},
            "assignments 1 x",
        ),
        ("assignments", {"user_id": 1, "recency": "x", "id": 4, **LAST_DAY}, "assignments 1 x"),
        ("counters", {"name": "users#0", "last": 1}, "counters users#0"),
        ("counters", {"name": "users#x", "last": 1, "lanes": 1}, "counters users#x"),
    ],
)
@pytest.mark.backend("dynamodb-local")  # moto does not check the type of a key
@pytest.mark.usefixtures("intact")
def test_a_broken_item_is_an_error_that_names_it_and_doctor_can_repair_it(
    suffix: str, item: dict[str, Any], line: str
) -> None:
    kept = counters()
    broken = {name: wire(value) for name, value in item.items()}
    put(suffix, broken)
    try:
        status, lines = run("up")
        assert (status, lines[-1].partition("; ")[0]) == (1, f"Error: {line}: is broken")
        assert "run `billet doctor --repair` first" in lines[-1]
        assert run("status")[0] == 0
        assert "Traceback" not in CliRunner().invoke(doctor, ["--repair"]).output
    finally:
        remove(suffix, **{k: v for k, v in item.items() if k in KEYS[suffix]})
        for counter in kept.values():
            put("counters", counter)


KEYS = {
    table.suffix: {key.split()[0] for key in table.key}
    for table in schema_of(MIGRATIONS).tables.values()
}


@pytest.mark.parametrize(
    "item",
    [{"name": "0003"}, {"name": "²²²²"}, {"name": "junk"}, {"name": "0003 contract x"}],
    ids=lambda item: item["name"],
)
@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_broken_record_of_a_migration_is_written_again(item: dict[str, str]) -> None:
    put("migrations", {name: wire(value) for name, value in item.items()})
    run("status")
    assert run("up")[0] == run("status")[0] == 0
    if item["name"] != "0003":
        remove("migrations", **item)


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_contract_and_backfill_change_what_a_slow_request_wrote_after_them() -> None:
    [task] = add_tasks(1, expires_at="9999-12-31")
    item = only("tasks", "id", task)
    digest = {"digest": wire("d"), "expires_at": wire("2030-01-31T12:00:00.000000Z")}
    try:
        for command in ("contract", "up"):
            put("tasks", {**item, "urgency": wire(f"9999-12-31#{task:016d}")})
            assert run("verify")[0] == 1
            assert run(command)[0] == run("verify")[0] == 0
            assert only("tasks", "id", task) == item
        put("tokens", digest)
        assert run("backfill")[0] == run("verify")[0] == 0
        assert not state.read(MIGRATIONS).positions
    finally:
        remove("tasks", id=task)
        remove("tokens", digest="d")


@pytest.mark.walk
@pytest.mark.backend("fastest")
def test_contract_waits_for_the_longest_request_before_it_changes_late_forms(
    previous: list[int], time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(table_prefix=client.database.settings.prefix, request_seconds=300)
    client.bind(settings, client.database.connection)
    monkeypatch.setattr(runner, "NOTICE_SECONDS", 10.0)
    assert run("expand")[0] == run("backfill")[0] == 0

    def still_old() -> None:
        old = f"9999-12-31#{previous[0]:016d}"
        seen.append(only("tasks", "id", previous[0])["urgency"] == wire(old))

    seen: list[bool] = []
    time.steps = [still_old] * 40
    status, lines = run("contract")
    assert (status, lines[0]) == (0, "Tables " + lines[0].partition("Tables ")[2])
    assert "Waiting 310 s for requests that write the old form" in lines
    assert time.now == 1310.0
    assert seen
    assert all(seen)


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_verify_and_status_write_nothing() -> None:
    with inject_fault(client.database.connection) as sent:
        assert run("verify")[0] == run("status")[0] == run("plan")[0] == 0
    assert {one for one in sent if not one.startswith(("Describe", "Get", "Scan", "List"))} == set()


@pytest.mark.parametrize("command", ["verify", "backfill", "contract"])
@pytest.mark.backend("fastest")
def test_a_wrong_prefix_is_one_line_and_creates_no_table(empty: str, command: str) -> None:
    status, lines = run(command)
    assert (status, lines[-1]) == (
        1,
        f"Error: no tables with the prefix {empty} (STAGE, TABLE_PREFIX); `billet migrate expand` "
        "creates them",
    )
    assert tables.describe(state.SUFFIX) is None


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_dry_run_does_not_say_that_it_has_removed_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(vars(MIGRATIONS[-1]), "drops", ("users/newest", "quotas"))
    lines = run("contract", "--dry-run")[1]
    assert lines[-2:] == [
        f"{database.table_name('users')}: newest would be removed",
        f"{database.table_name('quotas')}: table would be removed",
    ]
    assert tables.describe("quotas")


@pytest.mark.backend("moto")
def test_tables_of_a_deployed_stage_are_protected(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(stage="dev", table_prefix=empty)
    client.bind(settings, client.database.connection)
    status, lines = run("up")
    assert (status, lines[1]) == (
        0,
        f"{empty}-users: created, point-in-time recovery, deletion protection, tags",
    )
    assert f"{empty}-migrations: point-in-time recovery, deletion protection, tags" in lines
    for suffix in ("tokens", "migrations"):
        name = database.table_name(suffix)
        service().update_table(TableName=name, DeletionProtectionEnabled=False)
        status, lines = run("status")
        assert (status, lines[-1]) == (1, f"WRONG {name}: without deletion protection")
    for suffix in (*SUFFIXES.values(), state.SUFFIX):
        tables.remove_table(suffix)


@pytest.mark.backend("dynamodb-local")
def test_settings_that_an_emulator_does_not_support_are_skipped(empty: str) -> None:
    client.bind(Settings(stage="dev", table_prefix=empty), client.database.connection)
    lines = run("expand")[1]
    assert f"{empty}-users: created, deletion protection" in lines
    assert "point-in-time recovery skipped: DynamoDB Local does not support it" in lines
    assert run("up")[0] == run("status")[0] == 0
    for suffix in (*SUFFIXES.values(), state.SUFFIX):
        tables.remove_table(suffix)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("plan", "--to", "99"), f"--to: must be between 1 and {NEWEST}"),
        (("up", "--to", "99"), f"--to: must be between 1 and {NEWEST}"),
        (("backfill",), "0003 last_day: run `billet migrate expand` first"),
        (("contract",), "0003 last_day: run `billet migrate backfill` first"),
    ],
)
@pytest.mark.backend("fastest")
def test_a_step_out_of_order_is_a_one_line_error(
    empty: str, arguments: tuple[str, ...], error: str
) -> None:
    run("expand", "--to", "2" if arguments[0] == "backfill" else str(NEWEST))
    status, lines = run(*arguments)
    assert (status, lines[-1]) == (1, f"Error: {error}")


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("empty")
def test_a_server_migrates_a_local_database_and_refuses_another_one(capsys: Any) -> None:
    deployed, local = Database("", local=False), Database("", local=True)
    reason = "the database has no schema version, and this release needs 8; `billet migrate up`"
    with pytest.raises(click.ClickException, match=reason):
        prepare(deployed)
    prepare(local)
    assert capsys.readouterr().out == f"Database migrated from schema 0 to {NEWEST}\n"
    prepare(local)
    prepare(deployed)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("endpoint", "aws"),
    [
        ("https://dynamodb.eu-west-1.amazonaws.com", True),
        ("https://dynamodb.cn-north-1.amazonaws.com.cn", True),
        ("https://dynamodb.eu-west-1.api.aws", True),
        ("http://dynamodb:8000", False),
        ("http://127.0.0.1:8000", False),
    ],
)
def test_a_server_does_not_own_the_databases_of_aws(endpoint: str, aws: bool) -> None:
    assert is_aws(endpoint) == aws


@pytest.mark.parametrize("command", ["migrate status", "migrate up", "doctor", "seed"])
@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, 'Error: Could not connect to the endpoint URL: "http://127.0.0.1:9/"'),
        (
            {"AWS_ACCESS_KEY_ID": ""},
            "Error: Unable to locate credentials; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
            "AWS_SESSION_TOKEN and AWS_PROFILE",
        ),
        (
            {"AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL_DYNAMODB": ""},
            "Error: no database: no local server runs in this folder (`make serve` starts one), "
            "and there is no region; set AWS_REGION or AWS_DEFAULT_REGION, or the region of the "
            "profile",
        ),
        (
            {"AWS_PROFILE": "nobody"},
            "Error: AWS_PROFILE: The config profile (nobody) could not be found",
        ),
        ({"LANES": "0"}, "Error: LANES: must be a whole number between 1 and 64"),
    ],
)
def test_an_invalid_environment_is_a_one_line_error(
    command: str, changed: Mapping[str, str], line: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "billet", *command.split()],
        env={**ENVIRONMENT, **changed},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == line
    assert "Traceback" not in ended.stderr
