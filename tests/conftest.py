"""Databases for the tests: moto, and DynamoDB Local wherever it can be had.

The endpoint in AWS_ENDPOINT_URL_DYNAMODB, where it is set, takes the place of an own DynamoDB
Local. Each test has tables of its own.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import pytest
from chalice.test import Client, HTTPResponse
from hypothesis import settings
from msgspec.structs import fields
from pynamodb.connection import Connection

from chalicelib.settings import Settings

CONFIGURED_ENDPOINT = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
os.environ.update(  # before botocore reads them: no test can reach an account of AWS
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_ENDPOINT_URL="http://127.0.0.1:9",
    # Databases that live for seconds: to compile and collect less takes half the time of a core.
    JDK_JAVA_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
)
for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)
for field in fields(Settings):  # a container has those of its server
    os.environ.pop(field.encode_name, None)

from billet.cli import tables
from billet.emulators import dynamodb_local, moto_server
from billet.emulators.errors import EmulatorError
from billet.integrity import lookup
from chalicelib.app_factory import BilletApp, create_app
from chalicelib.dynamodb import client
from chalicelib.dynamodb import lanes as layouts
from chalicelib.dynamodb.botocore_patches import table_of
from chalicelib.dynamodb.models import SUFFIXES

create_app(Settings())  # sets up the log
settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("fuzz", max_examples=3_000, deadline=None)
settings.load_profile("suite")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "Chromium is not installed; the documentation page is NOT TESTED"
collect_ignore = [] if find_spec("playwright") else ["browser"]
BACKENDS = ("moto", "dynamodb-local")
pytest_plugins = ("tests.support.servers",)
client.READ_TIMEOUT = 15.0  # on a busy machine moto takes its time for a large transaction
layouts.WAIT_SECONDS = 0.0  # no other process reads the tables of a test
Bind = Callable[..., Settings]
Api = Callable[..., HTTPResponse]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that needs a database on each of BACKENDS, or on those that its marker names."""
    if "backend" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backend")
        names = marker.args if marker else BACKENDS
        fastest = (
            "dynamodb-local" if CONFIGURED_ENDPOINT or unavailable_reason() is None else "moto"
        )
        chosen = [fastest if name == "fastest" else name for name in names]
        metafunc.parametrize("backend", chosen, indirect=True)


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    with moto_server.run() as url:
        yield url


@pytest.fixture(scope="session")
def startable() -> None:
    """Skips where DynamoDB Local can't be had; where it can but does not start, a test fails."""
    if reason := unavailable_reason():
        pytest.skip(f"no DynamoDB Local: {reason}")


@pytest.fixture(scope="session")
def dynamodb_local_endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """The database that is given, or one of our own."""
    if CONFIGURED_ENDPOINT:
        yield CONFIGURED_ENDPOINT
        return
    request.getfixturevalue("startable")
    with dynamodb_local.run() as url:
        yield url


@cache
def unavailable_reason() -> str | None:
    """Why DynamoDB Local can't be started on this machine, if so."""
    try:
        dynamodb_local.java_command(0, None)
    except EmulatorError as reason:
        return str(reason)
    return None


def pytest_report_header() -> list[str]:
    reason = None if CONFIGURED_ENDPOINT else unavailable_reason()
    return [
        "databases: moto " + (f"only; {reason}" if reason else "and DynamoDB Local"),
        f"browser: {CHROMIUM or NO_CHROMIUM}",
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in pytest_report_header():
        terminalreporter.write_line(line)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The name of the database that the test runs on."""
    name: str = request.param
    return name


@pytest.fixture
def endpoint(backend: str, request: pytest.FixtureRequest) -> str:
    """The URL of the backend."""
    url: str = request.getfixturevalue(backend.replace("-", "_") + "_endpoint")
    return url


@pytest.fixture(scope="session")
def connections() -> dict[str, Connection]:
    """One connection an endpoint, for making one takes longer than most tests."""
    return {}


@pytest.fixture(scope="session")
def emptied(connections: dict[str, Connection]) -> Iterator[dict[str, list[str]]]:
    """The prefixes of tables that tests have used before, by endpoint: making some takes longer."""
    prefixes: dict[str, list[str]] = {}
    yield prefixes
    for prefix in prefixes.get(
        CONFIGURED_ENDPOINT or "", ()
    ):  # which others use, and may keep its data
        client.bind(Settings(table_prefix=prefix), connections[str(CONFIGURED_ENDPOINT)])
        delete_tables()


@pytest.fixture
def bind(
    endpoint: str,
    connections: dict[str, Connection],
    emptied: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Bind]:
    """Binds the models to empty tables of the test's own, `bind(lanes=4)`; again, to the same."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    unused = emptied.setdefault(endpoint, [])
    made = bool(unused)
    prefix = unused.pop() if made else f"test-{uuid.uuid4().hex[:12]}"
    connection = connections.setdefault(endpoint, client.connect())

    def bind_with(lanes: int = 1) -> Settings:
        nonlocal made
        settings = Settings(table_prefix=prefix, lanes=lanes)
        client.bind(settings, connection)
        if made:
            tables.record_layout()
        else:
            list(tables.create())
            made = True
        layouts.lanes_to_read()
        return settings

    yield bind_with
    client.bind(Settings(table_prefix=prefix), connection)
    if request.node.get_closest_marker("alters_tables"):
        delete_tables()
    elif made:
        empty_tables()
        unused.append(prefix)


def empty_tables() -> None:
    for model in SUFFIXES:
        for page in lookup.items(model):
            write_raw(
                model, [{"DeleteRequest": {"Key": lookup.key_of(model, one)}} for one in page]
            )


def write_raw(model: Any, requests: list[Any]) -> None:
    """Puts and deletes items in DynamoDB's form, also such as no model can hold."""
    batch_write = table_of(model).connection.client.batch_write_item
    for start in range(0, len(requests), 25):
        left = {model.Meta.table_name: requests[start : start + 25]}
        while left:
            left = batch_write(RequestItems=left)["UnprocessedItems"]


def delete_tables() -> None:
    for model in SUFFIXES:
        if model.exists():
            model.delete_table()


@pytest.fixture
def database(bind: Bind) -> Settings:
    """Fresh tables with one lane."""
    return bind()


@pytest.fixture
def application(request: pytest.FixtureRequest) -> BilletApp:
    """The app under test, with the settings of the markers `settings`; the nearest one counts."""
    values: dict[str, Any] = {}
    for marker in request.node.iter_markers("settings"):
        values = {**marker.kwargs, **values}
    return BilletApp(Settings(**values))


@pytest.fixture
def api(application: BilletApp) -> Iterator[Api]:
    """Sends a request to the app in this process, `api("POST", "/v1/tasks", {"name": "Plan"})`."""
    with Client(application, stage_name="local") as client:
        yield partial(send, client)


@pytest.fixture
def api_with() -> Iterator[Callable[..., Api]]:
    """Makes another app with settings of its own, `api_with(rate_quota=5)("GET", "/v1/tasks")`."""
    with ExitStack() as stack:

        def make(**values: Any) -> Api:
            app = BilletApp(Settings(**values))
            return partial(send, stack.enter_context(Client(app, stage_name="local")))

        yield make


def send(client: Client, method: str, path: str, body: Any = b"", **headers: str) -> HTTPResponse:
    """Sends a request, by default of JSON; a `_` in the name of a header is a hyphen."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return client.http.request(method, path, sent, raw)


def today() -> str:
    """The date in UTC, YYYY-MM-DD. A test compares with the dates before and after its request."""
    return datetime.now(UTC).date().isoformat()
