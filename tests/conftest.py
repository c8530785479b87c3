"""Databases for the tests: moto, and DynamoDB Local if it is available.

If AWS_ENDPOINT_URL_DYNAMODB is set, the tests use that endpoint instead of starting DynamoDB Local.
Each test has its own tables.
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest
from chalice.test import Client, HTTPResponse
from hypothesis import settings
from msgspec.structs import fields
from pynamodb.connection import Connection

from chalicelib.settings import Settings

FOR_WORKERS = "TEST_DYNAMODB_ENDPOINT"  # xdist's, which have the changed environment
CONFIGURED_ENDPOINT = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB", os.environ.get(FOR_WORKERS))
if CONFIGURED_ENDPOINT:
    os.environ[FOR_WORKERS] = CONFIGURED_ENDPOINT
os.environ.update(  # before botocore reads them, so that no test reaches an AWS account
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_ENDPOINT_URL="http://127.0.0.1:9",
    # Short-lived databases: less compilation and garbage collection halves the CPU time.
    JDK_JAVA_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
)
for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)
for field in fields(Settings):  # a container sets those of its server
    os.environ.pop(field.encode_name, None)

from billet.emulators import dynamodb_local, moto_server
from billet.emulators.errors import EmulatorError
from billet.migrations import runner
from chalicelib.app_factory import BilletApp, create_app
from chalicelib.dynamodb import client, lanes, shared_state
from chalicelib.dynamodb.lanes import lanes_to_read
from chalicelib.dynamodb.models import SUFFIXES
from tests.support import table_contents
from tests.support.table_contents import Contents
from tests.support.tables import make_tables, store_layout

create_app(Settings())  # sets up the log
settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("fuzz", max_examples=3_000, deadline=None)
settings.load_profile("suite")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "Chromium is not installed; the board and the documentation page are NOT TESTED"
collect_ignore = [] if find_spec("playwright") else ["browser"]
BACKENDS = ("moto", "dynamodb-local")
DATABASE_FIXTURES = {"backend", "moto_endpoint", "dynamodb_local_endpoint", "startable"}
NEEDS_DATABASE = "needs_database"
pytest_plugins = ("tests.support.servers", "tests.support.people")
client.READ_TIMEOUT = 15.0  # on a busy machine moto takes its time for a large transaction
lanes.WAIT_SECONDS = 0.0  # no other process reads the tables of a test
shared_state.FRESH_SECONDS = 3600.0  # or writes to them: the calls do not depend on time
runner.NOTICE_SECONDS = 0.0
Bind = Callable[..., Settings]
Api = Callable[..., HTTPResponse]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a database on each of BACKENDS, or on those named by its marker."""
    if "backend" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backend")
        names = marker.args if marker else BACKENDS
        chosen = [fastest_backend() if name == "fastest" else name for name in names]
        metafunc.parametrize("backend", chosen, indirect=True)


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    with moto_server.run() as url:
        yield url


@pytest.fixture(scope="session")
def startable() -> None:
    """Skips where DynamoDB Local can't be had; where it can but does not start, a test fails."""
    if reason := why_no_dynamodb_local():
        pytest.skip(f"no DynamoDB Local: {reason}")


@pytest.fixture(scope="session")
def dynamodb_local_endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the endpoint of the configured database, or start one."""
    if CONFIGURED_ENDPOINT:
        yield CONFIGURED_ENDPOINT
        return
    request.getfixturevalue("startable")
    with dynamodb_local.run() as url:
        yield url


@cache
def why_no_dynamodb_local() -> str | None:
    """Why DynamoDB Local can't be started on this machine, if so. Downloads it if necessary."""
    try:
        dynamodb_local.java_command(0, None)
    except EmulatorError as reason:
        return str(reason)
    return None


def fastest_backend() -> str:
    return "dynamodb-local" if CONFIGURED_ENDPOINT or why_no_dynamodb_local() is None else "moto"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Marks the report of a test that needs a database, also for the main process of xdist."""
    if not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        item.user_properties.append((NEEDS_DATABASE, True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which databases the tests ran on. Does not download one if no test needs it."""
    properties = [
        name
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, _ in getattr(report, "user_properties", ())
    ]
    if NEEDS_DATABASE in properties:
        reason = None if CONFIGURED_ENDPOINT else why_no_dynamodb_local()
        databases = f"moto only; {reason}" if reason else "moto and DynamoDB Local"
    else:
        databases = "none; no test needs one"
    terminalreporter.write_line(f"databases: {databases}")
    terminalreporter.write_line(f"browser: {CHROMIUM or NO_CHROMIUM}")


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Return the name of the database that the test runs on."""
    name: str = request.param
    return name


@pytest.fixture
def endpoint(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of the backend."""
    url: str = request.getfixturevalue(backend.replace("-", "_") + "_endpoint")
    return url


class Connections(dict[str, Connection]):
    """One connection per endpoint: making one takes longer than most tests."""

    def __missing__(self, endpoint: str) -> Connection:
        self[endpoint] = client.connect()
        return self[endpoint]


@pytest.fixture(scope="session")
def connections() -> Connections:
    """Return a cache of connections. The first use of one takes the endpoint in the environment."""
    return Connections()


class TableSet(NamedTuple):
    """Tables that tests use one after the other."""

    prefix: str
    contents: Contents
    """What the tables had when they were made."""


TableSets = dict[tuple[str, int], list[TableSet]]


@pytest.fixture(scope="session")
def unused_table_sets(connections: Connections) -> Iterator[TableSets]:
    """Cache the tables that no test uses now, by endpoint and number of lanes."""
    unused: TableSets = {}
    yield unused
    for (endpoint, _), sets in unused.items():
        for one in sets if endpoint == CONFIGURED_ENDPOINT else ():  # it may keep its data
            client.bind(Settings(table_prefix=one.prefix), connections[endpoint])
            delete_tables()


@pytest.fixture
def bind(
    endpoint: str,
    backend: str,
    connections: Connections,
    unused_table_sets: TableSets,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Bind]:
    """Return a function that binds the models to tables without users and tasks, `bind(lanes=4)`.

    Further calls bind them to the same tables.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    contents_now, restore = (
        (table_contents.of_moto, table_contents.restore_in_moto)
        if backend == "moto"
        else (table_contents.of_database, table_contents.restore_in_database)
    )
    used: TableSet | None = None
    unused: list[TableSet] = []

    def bind_with(lanes: int = 1) -> Settings:
        nonlocal used, unused
        first = used is None
        if first:
            unused = unused_table_sets.setdefault((endpoint, lanes), [])
            used = unused.pop() if unused else None
        prefix = used.prefix if used else f"test-{uuid.uuid4().hex[:12]}"
        settings = Settings(table_prefix=prefix, lanes=lanes)
        client.bind(settings, connections[endpoint])
        if used is None:
            make_tables()
            used = TableSet(prefix, contents_now())
        elif not first:
            store_layout()
        lanes_to_read()
        return settings

    yield bind_with
    if used is None:
        return
    client.bind(Settings(table_prefix=used.prefix), connections[endpoint])
    if request.node.get_closest_marker("alters_tables"):
        delete_tables()
    else:
        restore(used.contents)
        unused.append(used)


def delete_tables() -> None:
    for model in SUFFIXES:
        if model.exists():
            model.delete_table()


@pytest.fixture
def database(bind: Bind) -> Settings:
    """Bind the models to fresh tables with one lane."""
    return bind()


@pytest.fixture
def application(request: pytest.FixtureRequest) -> BilletApp:
    """Return the app under test with the settings of its `settings` markers; the closest wins."""
    values: dict[str, Any] = {}
    for marker in request.node.iter_markers("settings"):
        values = {**marker.kwargs, **values}
    return BilletApp(Settings(**values))


@pytest.fixture
def same_window(monkeypatch: pytest.MonkeyPatch) -> float:
    """Stop the wall clock where windows of quotas begin, so that none ends; return the time."""
    day = 86400.0
    noon = time.time() // day * day + day / 2
    monkeypatch.setattr(time, "time", lambda: noon)
    return noon


@pytest.fixture
def api(application: BilletApp) -> Iterator[Api]:
    """Return a function that sends requests to the app: `api("GET", "/v1/tasks")`."""
    with Client(application, stage_name="local") as client:
        yield partial(send, client)


@pytest.fixture
def api_with() -> Iterator[Callable[..., Api]]:
    """Return a function that creates another app, `api_with(rate_quota=5)("GET", "/v1/tasks")`."""
    with ExitStack() as stack:

        def make(**values: Any) -> Api:
            app = BilletApp(Settings(**values))
            return partial(send, stack.enter_context(Client(app, stage_name="local")))

        yield make


def send(client: Client, method: str, path: str, body: Any = b"", **headers: str) -> HTTPResponse:
    """Send a request, by default with JSON; a `_` in the name of a header is a hyphen."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return client.http.request(method, path, sent, raw)


def today() -> str:
    """Return the UTC date, YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()
