"""`billet migrate` on empty databases, those of the previous release, and damaged ones."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection

from billet.cli.doctor import doctor
from billet.cli.migrate import migrate
from billet.migrations import MIGRATIONS, database, runner, scanning, state, tables
from billet.migrations.m0005_reservations import normalize, normalize_as_first_release
from billet.migrations.runner import schema_of
from billet.migrations.scanning import Options
from billet.migrations.schema import Index, Table, found
from billet.migrations.state import Position
from billet.serve.databases import Database, is_aws
from billet.serve.run import prepare
from chalicelib.dynamodb import client, schema_version
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES
from chalicelib.services import tokens, users
from chalicelib.settings import Settings
from tests.conftest import delete_tables
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import inject_fault
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
TASKS = 400


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
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


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
    make_old(made[0])
    client.bind(Settings(table_prefix=empty), client.database.connection)
    return made


def make_old(last_day: int) -> None:
    """Bring the items that have another form now into that of the previous release."""
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
    assert len([one for one in before["tasks"] if one not in after["tasks"]]) == 1
    for options in ([], ["--repair"]):
        checked = CliRunner().invoke(doctor, options)
        assert (checked.exit_code, checked.stdout) == (0, "Nothing is broken\n")
    assert contents() == after


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("previous")
def test_an_interrupted_run_goes_on_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "PAGE", 90)
    monkeypatch.setattr(scanning, "ITEMS_PER_SEGMENT", 150)
    calls = range(2, 200, 6)
    for call in calls:
        with (
            suppress(Killed),
            inject_fault(client.database.connection, kill, at=call, lasting=True),
        ):
            runner.up(options=Options(quiet=True))
            break
    else:
        raise AssertionError("it makes no progress")
    assert call > 60  # it was killed in many places
    assert run("status")[0] == 0
    assert CliRunner().invoke(doctor).exit_code == 0
    names = {one["name"]["S"] for one in database.every("migrations")}
    assert names == {f"{one.number:04d}" for one in MIGRATIONS}


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing after it reaches the database."""


def kill(request: Any) -> None:
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


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_of_two_runs_at_once_one_says_who_has_the_lease_and_until_when() -> None:
    lease = {"name": "lease", "owner": "eve@far, process 7", "host": "far", "process": 7}
    ends = int(datetime(2090, 1, 31, 12, tzinfo=UTC).timestamp())
    put("migrations", {name: wire(value) for name, value in {**lease, "ends": ends}.items()})
    status, lines = run("up")
    assert (status, lines[-1]) == (
        1,
        "Error: eve@far, process 7 is running migrations, and has the lease until "
        "2090-01-31T12:00:00Z; run the command again after that",
    )
    status, lines = run("status")
    assert lines[-1] == "running: eve@far, process 7, until 2090-01-31T12:00:00Z"


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_lease_that_has_ended_or_whose_process_has_ended_is_taken_over() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait(timeout=60)
    far = int(datetime(2090, 1, 31, 12, tzinfo=UTC).timestamp())
    for host, process, ends in (("far", 7, 1), (socket.gethostname(), ended.pid, far)):
        lease = {"name": "lease", "owner": "eve", "host": host, "process": process, "ends": ends}
        put("migrations", {name: wire(value) for name, value in lease.items()})
        assert run("up")[0] == 0


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_run_whose_lease_another_one_has_taken_over_stops() -> None:
    with state.held() as lease:
        remove("migrations", name="lease")
        lease._ends = 0.0
        with pytest.raises(click.ClickException, match="another run has taken over"):
            lease.keep()


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("intact")
def test_a_missing_or_broken_schema_version_is_written_again() -> None:
    item = only("counters", "name", "lanes")
    for broken in ({**item, "schema": wire("seven")}, {"name": item["name"]}):
        put("counters", broken)
        assert run("status")[0] == 1
        assert run("up")[0] == 0
        assert only("counters", "name", "lanes") == item


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
    name = database.table_name("tokens")
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
    reason = "the database has no schema version, and this release needs 7; `billet migrate up`"
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
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == line
    assert "Traceback" not in ended.stderr
