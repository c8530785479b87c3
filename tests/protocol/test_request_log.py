"""Each request has one line in the log, which says how long it took and what it cost."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import httpx
import msgspec
import pytest
from chalice.app import AuthRequest
from pynamodb.connection import Connection

from billet.serve.logs import TextFormatter
from chalicelib import request_stats
from chalicelib.app_factory import create_app
from chalicelib.dynamodb import backoff
from chalicelib.http import authentication, json_log, request_log, trace_context
from chalicelib.http.json_log import JsonFormatter
from chalicelib.http.metrics import EmfFormatter
from chalicelib.http.request_log import LOGGER, Line, RequestRecord
from chalicelib.release import __version__
from chalicelib.request_stats import RequestStats
from chalicelib.services import tokens
from chalicelib.settings import Settings
from tests.conftest import Api, Bind
from tests.support.injection import contended, inject_fault, throttled
from tests.support.servers import ROOT, Serve

pytestmark = pytest.mark.backend("moto")

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
TASK = {"name": "plan"}
Lines = Callable[[], list[Line]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """Return a function that returns the lines of the requests since its last call."""
    caplog.set_level(logging.INFO, LOGGER)

    def new() -> list[Line]:
        found = [one.msg for one in caplog.records if isinstance(one.msg, Line)]
        caplog.clear()
        return found

    return new


@pytest.fixture
def connection(endpoint: str, connections: dict[str, Connection]) -> Connection:
    return connections[endpoint]


@pytest.mark.usefixtures("database")
def test_a_line_has_the_route_the_page_and_the_cost_of_a_request(api: Api, lines: Lines) -> None:
    for _ in range(3):
        api("POST", "/v1/tasks", TASK)
    api("GET", "/v1/tasks?page_size=1&offset=1", X_Request_Id="mine")
    *created, listed = lines()
    assert [(one.route, one.status) for one in created] == [("POST /v1/tasks", 201)] * 3
    assert created[2].calls == 2
    assert created[2].wcu > 0
    assert (created[2].page_size, created[2].offset, created[2].items_returned) == (None,) * 3
    assert (listed.request_id, listed.route, listed.status) == ("mine", "GET /v1/tasks", 200)
    assert (listed.calls, listed.items_read, listed.items_returned) == (1, 3, 1)
    assert (listed.page_size, listed.offset) == (1, 1)
    assert (listed.principal, listed.version, listed.replay) == ("anonymous", __version__, False)
    assert listed.rcu > 0
    assert 0 < listed.db_ms <= listed.ms
    assert 0 < listed.cpu_ms <= listed.ms
    assert listed.memory_mb > 10


def test_a_line_has_the_calls_of_all_lanes(bind: Bind, api: Api, lines: Lines) -> None:
    bind(lanes=4)
    for _ in range(8):
        api("POST", "/v1/tasks", TASK)
    lines()
    api("GET", "/v1/tasks")
    [listed] = lines()
    assert (listed.calls, listed.items_read, listed.items_returned) == (4, 8, 8)
    assert listed.db_ms <= listed.ms


@pytest.mark.settings(rate_quota=100)
@pytest.mark.usefixtures("database")
def test_a_line_has_the_call_that_leases_a_share_of_the_quota(api: Api, lines: Lines) -> None:
    api("GET", "/v1/tasks/1")
    [line] = lines()
    assert (line.calls, line.wcu > 0, line.rcu > 0) == (2, True, True)


def test_calls_at_the_same_time_count_once_in_the_time_of_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([10.0, 13.0, 20.0, 20.5])
    monkeypatch.setattr(request_stats, "perf_counter", lambda: next(clock))
    stats = RequestStats()
    stats.call_begins()
    stats.call_begins()
    stats.call_ends()
    stats.call_ends()
    stats.call_begins()
    assert stats.db_seconds == 3.5
    assert stats.calls == 3


@pytest.mark.usefixtures("database")
def test_a_line_counts_throttles_conflicts_and_retries(
    api: Api, lines: Lines, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "LONGEST", 1e-3)
    api("POST", "/v1/tasks", TASK)
    lines()
    with inject_fault(connection, throttled):
        api("GET", "/v1/tasks/1")
    with inject_fault(connection, contended, lasting=True):
        api("GET", "/v1/tasks/1")
    refused, lost = lines()
    assert (refused.status, refused.calls, refused.retries) == (200, 2, 1)
    assert (refused.throttles, refused.conflicts) == (1, 0)
    assert refused.backoff_ms <= 1
    assert (lost.status, lost.calls, lost.retries) == (409, 5, 4)
    assert (lost.throttles, lost.conflicts) == (0, 5)


@pytest.mark.usefixtures("database")
def test_a_line_says_that_the_response_is_a_stored_one(api: Api, lines: Lines) -> None:
    for _ in range(2):
        api("POST", "/v1/tasks", TASK, Idempotency_Key="a")
    assert [one.replay for one in lines()] == [False, True]


@pytest.mark.settings(auth="on")
@pytest.mark.usefixtures("database")
def test_a_line_has_the_name_of_the_token_and_the_authorizer_one_of_its_own(
    api: Api, lines: Lines
) -> None:
    secret, _ = tokens.issue("ci", "reader", None)
    api("GET", "/v1/tasks", Authorization=f"Bearer {secret}")
    api("GET", "/v1/tasks", Authorization="Bearer wrong")
    seen = [(one.route, one.status, one.principal, one.calls) for one in lines()]
    assert seen == [
        ("authenticate", 200, "ci", 1),
        ("GET /v1/tasks", 200, "ci", 1),
        ("authenticate", 401, "unauthenticated", 1),
    ]


def test_the_line_of_a_cognito_user_has_no_username() -> None:
    user = authentication.cognito_user({"claims": {"sub": "7d8c", "cognito:username": "ada"}})
    assert (user.name, user.logged_as) == ("ada", "7d8c")


@pytest.mark.parametrize(
    ("sent", "trace"),
    [
        (f"00-{TRACE}-{SPAN}-01", TRACE),
        (f"01-{TRACE}-{SPAN}-00-more", TRACE),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        ("", None),
    ],
)
def test_a_valid_traceparent_is_logged_and_returned(
    api: Api, lines: Lines, sent: str, trace: str | None
) -> None:
    response = api("GET", "/v1/tasks/0", traceparent=sent)
    version, found, span, flags = response.headers["traceresponse"].split("-")
    [line] = lines()
    assert line.trace_id == found
    assert len(found) == 32
    assert (found == TRACE) == (trace is not None)
    assert (version, flags) == ("00", sent[53:55] if trace else "00")
    assert len(span) == 16
    assert span != SPAN


def test_without_a_traceparent_the_trace_is_that_of_xray(monkeypatch: pytest.MonkeyPatch) -> None:
    root = f"1-{TRACE[:8]}-{TRACE[8:]}"
    monkeypatch.setattr(trace_context, "IN_LAMBDA", True)
    monkeypatch.setenv(trace_context.XRAY_VARIABLE, f"Root={root};Parent={SPAN};Sampled=1")
    assert trace_context.of_request({}).id == TRACE


@pytest.fixture
def _of_the_process() -> Iterator[None]:
    """Restore the log of the process."""
    handlers = logging.getLogger().handlers
    yield
    logging.getLogger().handlers = handlers
    create_app(Settings())


@pytest.mark.usefixtures("_of_the_process")
def test_log_level_warning_omits_the_lines_of_requests(api: Api, lines: Lines) -> None:
    api("GET", "/v1/tasks/0")
    assert len(lines()) == 1
    logging.getLogger(LOGGER).setLevel(logging.NOTSET)
    create_app(Settings(log_level="WARNING"))
    api("GET", "/v1/tasks/0")
    assert lines() == []


@pytest.mark.usefixtures("_of_the_process", "database")
def test_lambda_writes_each_line_and_each_error_as_one_line_of_json(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", output := io.StringIO())
    json_log.set_up_in_lambda(EmfFormatter("dev"))
    monkeypatch.setattr("chalicelib.services.tasks.get", lambda _: 1 / 0)
    assert api("GET", "/v1/tasks/1", X_Request_Id="mine").status_code == 500
    error, line = map(json.loads, output.getvalue().splitlines())
    assert (error["level"], error["message"]) == ("ERROR", "unexpected error:")
    assert error["exception"].startswith("Traceback")
    assert error["exception"].endswith("ZeroDivisionError: division by zero")
    assert error["request_id"] == line["request_id"] == "mine"
    assert error["trace_id"] == line["trace_id"]
    assert (line["logger"], line["status"]) == (LOGGER, 500)


def test_records_outside_of_requests_have_no_request_id() -> None:
    record = logging.LogRecord("billet", logging.INFO, "", 1, "Stopping %s", ("now",), None)
    found = json.loads(JsonFormatter().format(record))
    assert (found["message"], found["request_id"], found["trace_id"]) == ("Stopping now", "-", "")


def a_line(**values: Any) -> Line:
    return msgspec.structs.replace(RequestRecord().line(), **values)


def test_a_terminal_gets_coloured_text_without_what_is_zero() -> None:
    line = a_line(
        route="GET /v1/tasks", status=503, ms=1200, db_ms=1100, calls=2, rcu=3.5, request_id="a"
    )
    record = logging.LogRecord(LOGGER, logging.INFO, "", 1, line, (), None)
    text = TextFormatter().format(record)
    assert "\x1b[31m\x1b[1m503" in text
    plain = "503  GET /v1/tasks  1200.0 ms  (db 1100.0 ms, 2 calls, 3.5 RCU)  a"
    assert " ".join(click.unstyle(text).split()).endswith(" ".join(plain.split()))
    other = logging.LogRecord("billet", logging.ERROR, "", 1, "lost", (), None)
    assert TextFormatter().format(other) == "ERROR billet: lost"


@pytest.mark.parametrize(
    ("offset", "bucket"), [(0, 0), (7, 7), (37, 30), (999, 900), (8_213, 8_000), (10_000, 10_000)]
)
def test_the_offset_is_rounded_down_to_one_digit(offset: int, bucket: int) -> None:
    record = RequestRecord()
    record.offset = offset
    assert record.line().offset == bucket


def test_serve_logs_requests_that_the_app_does_not_see(
    serve: Serve, endpoint: str, database: Settings
) -> None:
    server = serve(AWS_ENDPOINT_URL_DYNAMODB=endpoint, TABLE_PREFIX=database.prefix)
    sent = [("GET", "/v1/tasks", 200), ("GET", "/secret", 404), ("TRACE", "/v1/users", 405)]
    for method, path, status in [*sent, ("BREW", "/v1/tasks/1", 405)]:
        assert server.request(method, path).status_code == status
    server.stop()
    objects = [json.loads(one) for one in server.output.splitlines() if one.startswith("{")]
    lines = [msgspec.convert(one, Line) for one in objects]
    assert [(one.route, one.status) for one in lines if one.status != 204] == [
        ("GET /v1/tasks", 200),
        ("GET -", 404),
        ("TRACE /v1/users", 405),
        ("- /v1/tasks/{task_id}", 405),
    ]
    [listed] = [one for one in lines if one.status == 200]
    assert listed.cold_start
    assert 0 < listed.wait_ms < listed.ms


def test_a_busy_server_logs_the_route_of_a_rejected_request(
    server: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billet.serve.thread_pool.BoundedThreadPool.full", True)
    assert httpx.get(f"http://{server}/v1/tasks/7").status_code == 503
    assert [(one.route, one.status) for one in lines() if one.status != 204] == [
        ("GET /v1/tasks/{task_id}", 503)
    ]


def test_the_authorizer_of_lambda_logs_a_line(lines: Lines, database: Settings) -> None:
    authentication.authenticate(AuthRequest("TOKEN", "", "arn"))
    [line] = lines()
    assert (line.route, line.status, line.calls) == ("authenticate", 401, 0)
    assert request_log.current().request_id == request_log.NO_REQUEST


def test_the_table_of_the_documentation_has_every_key() -> None:
    text = (ROOT / "docs/observability.md").read_text()
    table = text.split("| key |")[1].split("\n\n")[0]
    keys = [
        key for cell in re.findall(r"^\| ([a-z_, ]+) \|", table, re.M) for key in cell.split(", ")
    ]
    assert keys == list(Line.__struct_fields__)
    example = text.split("```json\n")[1].split("\n")[0]
    assert list(json.loads(example)) == keys


def test_a_request_ends_also_if_its_line_cannot_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(line: Line) -> None:
        raise OSError("full")

    monkeypatch.setattr(request_log, "observers", [fail])
    with pytest.raises(OSError, match="full"), request_log.recording() as failed:
        pass
    monkeypatch.setattr(request_log, "observers", [])
    with request_log.recording() as following:
        assert following is not failed
