"""The API works only with a database that has the schema of its release."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import app_factory
from chalicelib.dynamodb import client, shared_state
from chalicelib.dynamodb.models import CounterModel
from chalicelib.dynamodb.schema_version import KNOWN, NEEDED
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.release import __version__
from chalicelib.settings import Settings
from tests.conftest import Api, delete_tables
from tests.support.injection import inject_fault, unreachable

REQUESTS = [("GET", "/v1/tasks"), ("POST", "/v1/tasks", {"name": "plan"}), ("GET", "/v1/health")]
TOO_OLD = (
    f"the database has schema {NEEDED - 1}, and this release needs {NEEDED}; `billet migrate up` "
    "migrates it"
)
Store = Callable[..., None]


@pytest.fixture
def store(database: Settings) -> Store:
    """Return a function that stores a schema, and makes this process forget the one it has seen."""

    def set_schema(schema: int, contracted: int = 0) -> None:
        change = Transaction()
        values = [CounterModel.schema.set(schema), CounterModel.contracted.set(contracted)]
        change.update(CounterModel(shared_state.ITEM_NAME), values)
        change.commit()
        client.bind(database, client.database.connection)

    return set_schema


@pytest.mark.parametrize(
    ("schema", "contracted", "detail"),
    [
        (NEEDED - 1, 0, TOO_OLD),
        (
            0,
            0,
            f"the database has no schema version, and this release needs {NEEDED}; `billet migrate "
            "up` migrates it",
        ),
        (
            KNOWN + 1,
            KNOWN + 1,
            f"the database has been migrated to schema {KNOWN + 1}, and this release knows no more "
            f"than {KNOWN}; use a newer release",
        ),
    ],
)
@pytest.mark.backend("fastest")
def test_each_request_is_a_503_if_the_schema_does_not_fit_and_one_line_is_logged(
    store: Store, api: Api, caplog: Any, schema: int, contracted: int, detail: str
) -> None:
    store(schema, contracted)
    for request in REQUESTS:
        response = api(*request)
        assert (response.status_code, response.json_body["detail"]) == (503, detail)
        assert response.headers["Content-Type"] == "application/problem+json"
    assert api("GET", "/docs").status_code == 200
    critical = [one.getMessage() for one in caplog.records if one.levelname == "CRITICAL"]
    assert [line.startswith(detail) for line in critical] == [True]
    store(KNOWN, KNOWN)
    assert [api(*request).status_code for request in REQUESTS] == [200, 201, 200]


@pytest.mark.backend("fastest")
def test_a_process_that_waits_for_a_migration_works_after_it(store: Store, api: Api) -> None:
    store(NEEDED - 1)
    assert api("GET", "/v1/tasks").status_code == 503
    seen = client.database.memory
    store(KNOWN)
    client.database.memory = seen
    assert api("GET", "/v1/tasks").status_code == 200


@pytest.mark.backend("fastest")
def test_a_newer_schema_that_is_not_contracted_is_accepted(store: Store, api: Api) -> None:
    store(KNOWN + 1, KNOWN)
    assert api("GET", "/v1/tasks").status_code == 200


@pytest.mark.alters_tables
@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("database")
def test_a_database_without_tables_is_a_503(database: Settings, api: Api) -> None:
    delete_tables()
    client.bind(database, client.database.connection)
    response = api("GET", "/v1/tasks")
    assert response.status_code == 503
    assert "the database has no schema version" in response.json_body["detail"]


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("database")
def test_health_has_the_release_and_the_schema(api: Api) -> None:
    body = api("GET", "/v1/health").json_body
    assert body == {
        "status": "ok",
        "database": "ok",
        "version": __version__,
        "schema": KNOWN,
    }


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "billet")
    monkeypatch.setenv("_HANDLER", "app.app")


def start(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the API as Lambda does, over the connection of the tests."""
    connection = client.database.connection
    monkeypatch.setattr(client, "connect", lambda: connection)
    app_factory.create_app(database)


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("in_lambda")
def test_a_cold_start_checks_with_one_call_that_the_first_list_needs_anyway(
    database: Settings, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with inject_fault(client.database.connection) as sent:
        start(database, monkeypatch)
        assert sent == ["GetItem"]
        assert api("GET", "/v1/tasks").status_code == 200
        assert sent == ["GetItem", "Query"]


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("in_lambda")
def test_a_cold_start_without_a_database_leaves_the_check_to_the_next_request(
    store: Store, database: Settings, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(NEEDED - 1)
    with inject_fault(client.database.connection, unreachable, lasting=True):
        start(database, monkeypatch)
    response = api("GET", "/v1/tasks")
    assert (response.status_code, response.json_body["detail"]) == (503, TOO_OLD)


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("in_lambda")
def test_the_authorizer_which_may_only_read_tokens_does_not_check(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_HANDLER", "app.authenticate")
    with inject_fault(client.database.connection) as sent:
        start(database, monkeypatch)
    assert sent == []
