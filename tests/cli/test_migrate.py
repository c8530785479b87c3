"""`billet migrate` on empty databases, those of the previous release, and damaged ones."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection

from billet.cli.migrate import migrate
from billet.migrations import MIGRATIONS, database, state, tables
from billet.migrations.runner import schema_of
from billet.migrations.schema import found
from chalicelib.dynamodb import client
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES
from chalicelib.settings import Settings
from tests.conftest import delete_tables
from tests.support.tables import make_tables

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


def run(*arguments: str) -> tuple[int, list[str]]:
    result: Result = CliRunner().invoke(migrate, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output.splitlines()


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
            "and neither AWS_DEFAULT_REGION nor an emulator's endpoint is set",
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
