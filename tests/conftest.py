"""Databases for the tests: moto, and DynamoDB Local if it is available.

If AWS_ENDPOINT_URL_DYNAMODB is set, the tests use that endpoint instead of starting DynamoDB Local.
Each test has its own tables.
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
client.READ_TIMEOUT = 15.0  # moto is slow with large transactions on a busy machine
layouts.WAIT_SECONDS = 0.0  # no other process reads the tables of a test
Bind = Callable[..., Settings]
Api = Callable[..., HTTPResponse]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a database on each of BACKENDS, or on those named by its marker."""
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
    """Skip if DynamoDB Local is not available. If it is but does not start, the test fails."""
    if reason := unavailable_reason():
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
def unavailable_reason() -> str | None:
    """Return why DynamoDB Local cannot start on this machine, or None."""
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
    """Return the name of the database that the test runs on."""
    name: str = request.param
    return name


@pytest.fixture
def endpoint(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of the backend."""
    url: str = request.getfixturevalue(backend.replace("-", "_") + "_endpoint")
    return url


@pytest.fixture(scope="session")
def connections() -> dict[str, Connection]:
    """Cache one connection per endpoint: creating one takes longer than most tests."""
    return {}


@pytest.fixture(scope="session")
def emptied(connections: dict[str, Connection]) -> Iterator[dict[str, list[str]]]:
    """Keep table prefixes for reuse, by endpoint: emptying tables is faster than creating them."""
    prefixes: dict[str, list[str]] = {}
    yield prefixes
    for prefix in prefixes.get(
        CONFIGURED_ENDPOINT or "", ()
    ):  # a shared database that may keep its data
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
    """Return a function that binds the models to empty tables, `bind(lanes=4)`.

    Further calls bind them to the same tables.
    """
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
    """Put and delete items in DynamoDB's form, including items that no model can represent."""
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
