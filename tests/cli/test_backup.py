"""`billet backup`: sets of backups and point-in-time recovery, on moto."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from billet.backup import service
from billet.backup.commands import backup
from billet.migrations import state, tables
from chalicelib.domain.task import TaskFields
from chalicelib.dynamodb import client
from chalicelib.dynamodb.models import AssignmentModel
from chalicelib.services import assignments, tasks, users
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.conftest import delete_tables

pytestmark = pytest.mark.backend("moto")
OFF = (
    "Point-in-time recovery of the tables is off for one of them, or was switched on only some "
    "minutes ago\n"
)


@pytest.fixture
def dynamodb(database: Settings) -> Any:
    """Return boto3's client. The tables have Ann and a task of hers."""
    users.create("Ann")
    tasks.create(TaskFields(name="Plan"))
    assignments.assign(1, 1)
    return service.connect()


@pytest.fixture
def prefix(database: Settings) -> Iterator[str]:
    """Yield a prefix that no table has."""
    name = f"restored-{uuid.uuid4().hex[:12]}"
    yield name
    client.bind(Settings(table_prefix=name), client.database.connection)
    delete_tables()


@pytest.fixture
def settings_everywhere(dynamodb: Any, database: Settings, prefix: str) -> Iterator[None]:
    """Give all tables a tag, deletion protection and point-in-time recovery of an hour ago."""
    backend = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"]
    old = service.existing(dynamodb, database.prefix).values()
    for table in old:
        arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
        dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "prod"}])
        protect(dynamodb, table, True)
        enable_recovery(dynamodb, table)
        recovery = backend.tables[table].continuous_backups["PointInTimeRecoveryDescription"]
        recovery["EarliestRestorableDateTime"] -= 3600
    yield
    for table in (*old, *service.tables(prefix).values()):
        with suppress(dynamodb.exceptions.ResourceNotFoundException):
            protect(dynamodb, table, False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(backup, arguments)


def protect(dynamodb: Any, table: str, protected: bool) -> None:
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=protected)


def enable_recovery(dynamodb: Any, table: str) -> None:
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def settings_of(dynamodb: Any, table: str) -> tuple[Any, ...]:
    description = dynamodb.describe_table(TableName=table)["Table"]
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    return (
        dynamodb.list_tags_of_resource(ResourceArn=description["TableArn"])["Tags"],
        description["DeletionProtectionEnabled"],
        expiry,
        backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        sorted(one["IndexName"] for one in description.get("GlobalSecondaryIndexes", ())),
    )


@pytest.mark.alters_tables
@pytest.mark.usefixtures("settings_everywhere")
def test_a_backup_is_restored_into_new_tables_with_all_settings(
    dynamodb: Any, database: Settings, prefix: str
) -> None:
    name = f"{database.prefix}-{state.SUFFIX}"
    tables.remove_table(state.SUFFIX)
    state.create()
    dynamodb.put_item(TableName=name, Item=state.LEASE_KEY)
    made = run("create", "--name", "before-change")
    assert made.stdout == f"Backup before-change of the tables {database.prefix}-* is complete\n"
    tasks.create(TaskFields(name="Later"))
    restored = run("restore", "before-change", "--prefix", prefix)
    assert restored.stdout.splitlines() == [
        f"Restoring the backup before-change of {database.prefix}-* to {prefix}-*",
        f"Restored; set TABLE_PREFIX={prefix} to use the new tables",
        "Nothing is broken",
    ]
    assert client.database.settings.prefix == prefix
    assert [task.name for task in tasks.page(Paging()).items] == ["Plan"]
    old, new = service.tables(database.prefix), service.tables(prefix)
    for suffix in service.existing(dynamodb, database.prefix):
        assert settings_of(dynamodb, new[suffix]) == settings_of(dynamodb, old[suffix])
    assert settings_of(dynamodb, new["replies"])[2]["AttributeName"] == "expires"
    for table in (f"{prefix}-{state.SUFFIX}", name):
        assert dynamodb.scan(TableName=table)["Items"] == [state.LEASE_KEY]
        dynamodb.delete_table(TableName=table)


@pytest.mark.alters_tables
def test_the_list_shows_each_backup_and_if_it_is_complete(
    dynamodb: Any, database: Settings
) -> None:
    assert run("list").stdout == OFF
    assert run("create", "--name", "first").exit_code == 0
    assert run("create").exit_code == 0
    dynamodb.create_backup(TableName=f"{database.prefix}-users", BackupName="half")
    first, second, half, off = run("list").stdout.splitlines(keepends=True)
    assert first.startswith("first: 20")
    assert second.startswith("20")
    assert first.endswith(" bytes, complete\n")
    assert half.endswith("bytes, lacks assignments, counters, replies, tasks, tokens, usernames\n")
    assert off == OFF
    failed = run("restore", "half", "--prefix", "other")
    assert "\nError: the backup half is not complete: lacks assignments, counters," in failed.stderr
    again = run("create", "--name", "first")
    assert again.stderr.endswith("there is a backup first already; choose another name\n")


@pytest.mark.alters_tables
def test_a_database_is_backed_up_and_restored_before_its_first_migration(
    dynamodb: Any, database: Settings, prefix: str
) -> None:
    dynamodb.delete_table(TableName=f"{database.prefix}-quotas")
    dynamodb.delete_item(TableName=f"{database.prefix}-counters", Key={"name": {"S": "lanes"}})
    assert run("create", "--name", "before").exit_code == 0
    listed = run("list")
    assert listed.exit_code == 0
    assert listed.stdout.splitlines()[0].endswith(" bytes, complete, without quotas")
    restored = run("restore", "before", "--prefix", prefix)
    assert "the new tables are not checked: the database has no schema version" in restored.stderr
    assert f"`TABLE_PREFIX={prefix} billet migrate up`" in restored.stderr
    names = dynamodb.list_tables()["TableNames"]
    assert {one.rpartition("-")[2] for one in names if one.startswith(prefix)} == service.REQUIRED


@pytest.mark.alters_tables
def test_a_backup_without_a_necessary_table_does_not_start(
    dynamodb: Any, database: Settings
) -> None:
    dynamodb.delete_table(TableName=f"{database.prefix}-users")
    failed = run("create", "--name", "first")
    text = f"Error: the table {database.prefix}-users does not exist; nothing is backed up"
    assert failed.stderr.splitlines()[-1] == text
    assert run("list").stdout == OFF
    delete_tables()
    assert run("list").exit_code == 0


@pytest.mark.alters_tables
def test_a_backup_that_failed_is_made_again_under_its_name(
    dynamodb: Any, database: Settings, prefix: str
) -> None:
    dynamodb.create_backup(TableName=f"{database.prefix}-users", BackupName="again")
    users.create("Bob")
    assert run("create", "--name", "again").exit_code == 0
    assert run("restore", "again", "--prefix", prefix).exit_code == 0
    assert len(users.page(Paging()).items) == 2


@pytest.mark.alters_tables
@pytest.mark.usefixtures("settings_everywhere")
def test_recovery_restores_all_tables_to_one_time(database: Settings, prefix: str) -> None:
    line = run("list").stdout
    assert line.startswith("Point-in-time recovery: 20")
    latest = line.split()[-1]
    restored = run("restore", "--prefix", prefix, "--to-time", latest)
    assert restored.exit_code == 0
    first = f"Restoring {database.prefix}-* as of {latest} to {prefix}-*"
    assert restored.stdout.splitlines()[0] == first
    assert [task.name for task in tasks.page(Paging()).items] == ["Plan"]
    client.bind(database, client.database.connection)
    by_default = run("restore", "--prefix", prefix)
    assert by_default.stdout.splitlines()[0] == first
    for moment in ("2000-01-01T00:00:00Z", "2999-01-01T00:00:00+02:00"):
        failed = run("restore", "--prefix", "other", "--to-time", moment)
        assert "\nError: --to-time: must be a time from 20" in failed.stderr


@pytest.mark.alters_tables
def test_recovery_needs_a_time_that_all_tables_have(dynamodb: Any, database: Settings) -> None:
    for table in [*service.existing(dynamodb, database.prefix).values()][:-1]:
        enable_recovery(dynamodb, table)
    off = run("restore", "--prefix", "other")
    assert f"recovery of the tables {database.prefix}-* is off for one of them" in off.stderr


@pytest.mark.usefixtures("dynamodb")
def test_doctor_checks_what_was_restored_and_repairs_it_if_asked(
    database: Settings, prefix: str
) -> None:
    """A backup of each table at its own time can hold a part of a transaction."""
    for copy in AssignmentModel.scan():
        copy.delete()
    run("create", "--name", "torn")
    found = run("restore", "torn", "--prefix", prefix)
    assert found.exit_code == 1
    assert f"`TABLE_PREFIX={prefix} billet doctor --repair` repairs" in found.stdout
    client.bind(database, client.database.connection)
    repaired = run("restore", "torn", "--prefix", prefix, "--repair")
    assert repaired.exit_code == 0
    assert [task.id for task in assignments.page(1, Paging()).items] == [1]


@pytest.mark.alters_tables
@pytest.mark.usefixtures("dynamodb")
def test_a_backup_outlives_its_tables_and_overwrites_none(database: Settings, prefix: str) -> None:
    run("create", "--name", "first")
    run("create", "--name", "second")
    refused = run("restore", "first", "--prefix", database.prefix, "--repair")
    assert refused.stderr.endswith(
        f"--prefix: {database.prefix}-* are the tables in use; choose a new prefix\n"
    )
    delete_tables()
    assert run("restore", "first", "--prefix", prefix).exit_code == 0
    client.bind(database, client.database.connection)
    other = run("restore", "second", "--prefix", prefix)
    assert "exists already" in other.stderr
    absent = run("restore", "third", "--prefix", prefix)
    assert absent.stderr.endswith("first, second\n")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore", "--prefix", "a/b"], "--prefix: must be 1 to 64 letters"),
        (["restore", "--prefix", ""], "--prefix: must be 1 to 64 letters"),
        (["restore", "first", "--prefix", "", "--repair"], "--prefix: must be 1 to 64 letters"),
        (["restore", "--prefix", "b", "--to-time", "noon"], "--to-time: must be a time with a"),
        (["restore", "--prefix", "b", "--to-time", "2026-01-31"], "--to-time: must be a time with"),
        (["restore", "a", "--prefix", "b", "--to-time", "2026"], "NAME and --to-time exclude"),
        (["create", "--name", "a b"], "--name: must have 3 to 255 letters, digits or _.-"),
    ],
)
def test_a_wrong_option_is_one_line(database: Settings, arguments: list[str], message: str) -> None:
    failed = run(*arguments)
    assert failed.exit_code != 0
    assert message in failed.stderr.splitlines()[-1]


@pytest.mark.backend("dynamodb-local")
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("arguments", [["create"], ["list"], ["restore", "--prefix", "other"]])
def test_dynamodb_local_has_no_backups_and_the_error_names_export(arguments: list[str]) -> None:
    failed = run(*arguments)
    assert failed.exit_code == 1
    assert "`billet export FILE` copies the data" in failed.stderr
