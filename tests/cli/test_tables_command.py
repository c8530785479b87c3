"""`tables create` and `tables status` on current, missing and older tables."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from click.testing import CliRunner
from pynamodb.models import Model

from billet.cli import table_schema
from billet.cli.tables import tables
from chalicelib.dynamodb import client
from chalicelib.dynamodb.models import (
    AssignmentModel,
    IdempotencyModel,
    QuotaModel,
    TaskModel,
    UserModel,
)
from chalicelib.services import users
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings

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


def run(command: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(tables, [command])
    lines = result.output.splitlines()
    return result.exit_code, [line for line in lines if not line.startswith("endpoint ")]


def make(model: type[Model], key: list[str], kind: str = "N") -> None:
    """Create a table with only these keys."""
    connection: Any = client.connect()
    connection.client.create_table(
        TableName=model.Meta.table_name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name in key],
        KeySchema=[
            {"AttributeName": name, "KeyType": role}
            for name, role in zip(key, ("HASH", "RANGE"), strict=False)
        ],
    )


@pytest.mark.parametrize(
    ("model", "key"), [(IdempotencyModel, ["key"]), (QuotaModel, ["principal", "window"])]
)
@pytest.mark.usefixtures("database")
def test_create_enables_time_to_live_on_existing_tables(model: type[Model], key: list[str]) -> None:
    assert table_schema.expires(model)
    model.delete_table()
    make(model, key, "S")
    assert f"{model.Meta.table_name}: TTL enabled" in run("create")[1]
    assert table_schema.expires(model)
    assert f"{model.Meta.table_name}: already exists" in run("create")[1]


def test_create_creates_missing_tables_and_reports_them(database: Settings) -> None:
    TaskModel.delete_table()
    names = [f"{database.prefix}-{suffix}" for suffix in ("users", "usernames", "tasks")]
    assert run("status")[0] == 1
    _, lines = run("create")
    assert lines[:3] == [
        f"{names[0]}: already exists",
        f"{names[1]}: already exists",
        f"{names[2]}: created",
    ]
    assert run("status")[0] == 0


@pytest.mark.usefixtures("database")
def test_status_shows_state_items_and_indexes() -> None:
    users.create("Ann")
    TaskModel.delete_table()
    status, lines = run("status")
    assert status == 1
    assert lines[0].endswith("-users: ACTIVE, 1 items, newest ACTIVE")
    assert lines[2].endswith("-tasks: MISSING")


@pytest.mark.usefixtures("database")
def test_create_adds_an_index_to_a_table_in_use() -> None:
    UserModel.delete_table()
    make(UserModel, ["id"])
    users.create("Ann")
    status, lines = run("status")
    assert (status, lines[0].rpartition(", ")[2]) == (1, "newest MISSING")
    assert run("create")[1][0].endswith("-users: index newest added")
    assert [user.username for user in users.page(Paging()).items] == ["Ann"]


@pytest.mark.usefixtures("database")
def test_a_table_with_other_keys_is_rejected() -> None:
    UserModel.delete_table()
    make(UserModel, ["id"], "S")
    message = "the table has the key (id S), and should have (id N)"
    assert run("create") == (1, [f"Error: {UserModel.Meta.table_name}: {message}"])
    status, lines = run("status")
    assert status == 1
    assert lines[0].endswith(message)


@pytest.mark.usefixtures("database")
def test_a_table_without_its_local_index_is_rejected() -> None:
    AssignmentModel.delete_table()
    make(AssignmentModel, ["user_id"])
    status, lines = run("create")
    assert status == 1
    for name in ("most_urgent", "newest_by_status", "most_urgent_by_status"):
        assert f"it lacks the local index {name}" in lines[-1]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (
            "CREATING",
            "is not active after 0 seconds (table CREATING, newest ACTIVE); run `billet tables "
            "create` again to wait longer",
        ),
        (
            "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
            "can't become active (table INACCESSIBLE_ENCRYPTION_CREDENTIALS, newest ACTIVE); "
            "repair it in the AWS console, then run `billet tables create` again",
        ),
    ],
)
@pytest.mark.usefixtures("database")
def test_create_stops_waiting_for_a_table_that_does_not_become_active(
    state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = {**(table_schema.describe(UserModel) or {}), "TableStatus": state}
    monkeypatch.setattr(table_schema, "describe", lambda _: description)
    monkeypatch.setattr("billet.cli.tables.MAX_WAIT_SECONDS", 0.0)
    assert run("create") == (1, [f"Error: {UserModel.Meta.table_name} {text}"])


@pytest.mark.parametrize("command", ["tables status", "tables create", "doctor", "seed"])
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
