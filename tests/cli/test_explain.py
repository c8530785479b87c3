"""`billet explain`: the calls of a request, and that nothing is written."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from billet.explain.calls import recording
from billet.explain.command import explain
from billet.explain.copy import units_of_write
from billet.explain.dry_run import WriteRefused, refuse_writes
from chalicelib.dynamodb import client
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support import table_contents

pytestmark = pytest.mark.backend("moto")
Explain = Callable[..., str]
TASK = {
    "id": {"N": "7"},
    "name": {"S": "plan"},
    "version": {"N": "1"},
    "lane": {"N": "0"},
    "status_lane": {"S": "PENDING#0"},
    "recency": {"S": "2026#7"},
    "urgency": {"S": "9999#7"},
}
"""An item of the table tasks, which all indexes but that of unassigned tasks have."""


@pytest.fixture
def explained(database: Settings, api: Api, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Return a function that runs the command on a database with data and returns its output."""
    monkeypatch.setenv("TABLE_PREFIX", database.prefix)
    for name in ("a", "b", "c"):
        assert api("POST", "/v1/tasks", {"name": name}).status_code == 201
        assert api("POST", "/v1/users", {"username": f"user-{name}"}).status_code == 201
    assert api("PUT", "/v1/tasks/1/assign/user/1").status_code == 200

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(explain, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_a_read_shows_table_index_key_items_and_units(explained: Explain) -> None:
    output = explained("get", "/v1/tasks?page_size=2&offset=1")
    assert output.startswith("GET /v1/tasks: 200, 2 items\n")
    assert "tasks, index newest: lane = 0, at most 4 items, descending" in output
    assert "Sum: " in output
    assert "3 items read" in output
    assert "an offset of at most 10,000" in output


def test_requests_that_write_show_their_writes_and_change_nothing(explained: Explain) -> None:
    before = table_contents.of_moto()
    connection = client.database.connection
    for arguments, status, text in (
        (("POST", "/v1/tasks", "--body", '{"name": "d"}'), 201, "Put tasks: id = 4"),
        (("PATCH", "/v1/tasks/1", "--body", '{"status": "DONE"}'), 200, "Update tasks: id = 1, if"),
        (("DELETE", "/v1/users/1"), 200, "Delete users: id = 1, if"),
    ):
        output = explained(*arguments)
        assert f": {status}" in output.splitlines()[0], output
        assert text in output
        assert "nothing was written to the database" in output
    assert _as_json(table_contents.of_moto()) == _as_json(before)
    assert client.database.connection is connection


def _as_json(contents: table_contents.Contents) -> str:
    return repr({model.__name__: items for model, items in contents.items()})


def test_a_write_during_a_request_that_reads_is_refused(database: Settings) -> None:
    before = _as_json(table_contents.of_moto())
    with (
        recording(client.database.connection, database.prefix, refuse_writes),
        pytest.raises(WriteRefused, match="PutItem"),
    ):
        UserModel(1, username="a", created_at="2026-01-01").save()
    assert _as_json(table_contents.of_moto()) == before


@pytest.mark.usefixtures("database")
def test_an_unknown_path_and_a_bad_header_are_one_line(explained: Explain) -> None:
    assert explained("GET", "/v1/tusks").startswith("GET -: 404, path: does not exist;")
    refused = CliRunner().invoke(explain, ["GET", "/v1/tasks", "--header", "If-Match"])
    assert refused.exit_code == 2
    assert "--header If-Match: must be NAME:VALUE" in refused.output


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("changes", "units"),
    [
        ({}, 1),  # the same item: no index changes
        ({"name": {"S": "other"}}, 5),  # each index has the name
        ({"name": {"S": "x" * 1500}}, 10),  # two units each
        ({"status_lane": {"S": "DONE#0"}}, 7),  # two indexes delete an entry and add one
    ],
)
def test_a_write_costs_units_in_the_table_and_in_each_index_that_changes(
    changes: dict[str, Any], units: int
) -> None:
    assert units_of_write(TaskModel, TASK, TASK | changes, transacted=False) == units


@pytest.mark.usefixtures("database")
def test_a_transaction_doubles_the_units_of_the_table() -> None:
    assert units_of_write(TaskModel, None, TASK, transacted=False) == 5
    assert units_of_write(TaskModel, None, TASK, transacted=True) == 6
    assert units_of_write(AssignmentModel, None, None, transacted=True) == 2
