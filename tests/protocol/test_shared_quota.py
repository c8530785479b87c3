"""All processes share a quota, at a few percent of a write per request."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from pynamodb.connection import Connection

from billet.metering import record_usage
from chalicelib.dynamodb import client, quotas
from chalicelib.dynamodb.models import QuotaModel
from chalicelib.services import rate_limiter
from chalicelib.services.rate_limiter import Limiter
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.injection import FaultHandler, inject_fault, silent, throttled, unreachable

ROOT = Path(__file__).parents[2]
FREE = "/docs/start.js"
"""A path that makes no call to the database."""
DAY = 86_400
NOON = 1_700_049_600.0
"""A time that starts a one-minute window but not a one-day window."""


@pytest.fixture
def connection(database: Settings, endpoint: str, connections: dict[str, Connection]) -> Connection:
    """Return the connection of this process to fresh tables."""
    return connections[endpoint]


@pytest.fixture(autouse=True)
def _same_day(same_window: float) -> None:
    """Stop the clock, so that no daily quota begins anew."""


@pytest.fixture(autouse=True)
def _long_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow for slow leases on a busy machine."""
    monkeypatch.setattr(rate_limiter, "LEASE_SECONDS", 30.0)


@pytest.fixture
def limited(api_with: Callable[..., Api]) -> Callable[..., Api]:
    """Return a function that creates an app with a daily quota, `limited(rate_quota=500)`."""
    return partial(api_with, rate_window_seconds=DAY, rate_burst=10_000)


def worker(now: float, environ: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.protocol.quota_worker", str(now)],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.backend("dynamodb-local")
def test_4_processes_together_serve_exactly_the_quota(
    connection: Connection, database: Settings, same_window: float
) -> None:
    environ = {
        "TABLE_PREFIX": database.prefix,
        "RATE_QUOTA": "1000",
        "RATE_BURST": "2000",
        "RATE_WINDOW_SECONDS": str(DAY),
    }
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(same_window, environ)) for _ in range(4)]
        admitted = sum(sum(send_concurrently(workers, 10)) for _ in range(50))
        units = [float(one.communicate(timeout=240)[0]) for one in workers]
    assert admitted == 1000
    [item] = QuotaModel.scan()
    assert item.used >= 1000
    assert item.principal == "address:127.0.0.1"
    assert 0 < sum(units) <= 0.05 * 2000


def send_concurrently(workers: list[subprocess.Popen[str]], count: int) -> list[int]:
    """Let every worker send this many requests concurrently."""
    for one in workers:
        assert one.stdin
        print(count, file=one.stdin, flush=True)
    return [int(one.stdout.readline()) for one in workers if one.stdout]


def count_admitted(limiters: list[Limiter], requests: int) -> int:
    """Return how many requests the limiters admit if they take turns."""
    turns = (limiters[number % len(limiters)] for number in range(requests))
    return sum(one.admit("name:ci", shared=True)[0] for one in turns)


@pytest.mark.parametrize(
    ("quota", "processes", "most_calls"), [(1, 4, 4), (7, 4, 14), (1000, 1, 60), (1000, 4, 60)]
)
def test_leases_shrink_with_the_remaining_quota_and_end_with_it(
    quota: int, processes: int, most_calls: int, connection: Connection
) -> None:
    limiters = [Limiter(quota, DAY, 10_000) for _ in range(processes)]
    with record_usage(connection) as bill:
        assert count_admitted(limiters, 2 * quota + processes) == quota
    assert set(bill.calls) == {"UpdateItem"}
    assert len(bill.calls) <= most_calls
    with record_usage(connection) as bill:
        assert count_admitted(limiters, 100) == 0
    assert bill.calls == []


@pytest.mark.backend("moto")
def test_alternating_processes_admit_requests_until_the_quota_is_nearly_used(
    connection: Connection,
) -> None:
    limiters = [Limiter(1000, DAY, 10_000) for _ in range(4)]
    assert count_admitted(limiters, 950) == 950


def test_an_idle_process_reserves_no_more_than_it_has_used(connection: Connection) -> None:
    idle, busy = Limiter(1000, DAY, 10_000), Limiter(1000, DAY, 10_000)
    used = count_admitted([idle], 10)
    assert 1000 - 2 * used <= used + count_admitted([busy], 2000) <= 1000


def test_a_counter_expires_an_hour_after_its_window(connection: Connection) -> None:
    assert quotas.take("name:ci", int(NOON), 60, 5) == 5
    assert quotas.take("name:ci", int(NOON), 60, 2) == 7
    assert quotas.take("name:ci", int(NOON) + 60, 60, 1) == 1
    first, _ = sorted(QuotaModel.scan(), key=lambda item: item.window)
    assert (first.window, first.used) == ("2023-11-15T12:00:00Z/PT60S", 7)
    assert first.expires == NOON + 60 + 60 * 60


class Clock:
    """A clock that is set by the test."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.backend("moto")
def test_a_clock_change_keeps_the_count_and_blocks_no_one(
    shared: bool, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    limiter = Limiter(quota=2, window=60, burst=10)
    monkeypatch.setattr(time, "time", clock)

    def admitted_at(now: float) -> list[bool]:
        clock.now = now
        responses = [limiter.admit("name:ci", shared=shared) for _ in range(3)]
        assert all(0 < one.reset <= one.policy.seconds for _, both in responses for one in both)
        return [admitted for admitted, _ in responses]

    assert admitted_at(NOON) == [True, True, False]
    assert admitted_at(NOON - 3600) == [True, True, False]
    assert admitted_at(NOON + 3600) == [True, True, False]
    if shared:
        assert admitted_at(NOON + 1) == [False] * 3
    assert admitted_at(NOON + 3660) == [True, True, False]


@pytest.mark.parametrize("handler", [throttled, silent, unreachable])
@pytest.mark.backend("moto")
def test_without_the_database_a_process_counts_alone_and_retries_later(
    handler: FaultHandler,
    connection: Connection,
    limited: Callable[..., Api],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(rate_limiter, "monotonic", lambda: now)
    caplog.set_level(logging.WARNING)
    api = limited(rate_quota=10)
    with inject_fault(connection, handler, lasting=True) as sent:
        assert [api("GET", FREE).status_code for _ in range(6)] == [200] * 6
        assert sent == ["UpdateItem"]
        now += rate_limiter.PAUSE_SECONDS
        statuses = [api("GET", FREE).status_code for _ in range(6)]
        assert statuses == [200] * 4 + [429] * 2
        assert sent == ["UpdateItem"] * 2
    warnings = [record for record in caplog.records if record.name == rate_limiter.__name__]
    assert [record.message[:22] for record in warnings] == ["no shared quota for 5 "] * 2
    api = limited(rate_quota=10)
    now += rate_limiter.PAUSE_SECONDS
    with inject_fault(connection) as sent:
        assert api("GET", FREE).status_code == 200
    assert sent == ["UpdateItem"]


@pytest.mark.backend("moto")
def test_a_request_does_not_wait_for_a_slow_database(
    connection: Connection,
    limited: Callable[..., Api],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(rate_limiter, "LEASE_SECONDS", 0.01)
    api = limited(rate_quota=10)
    ended = []

    def slow(request: AWSPreparedRequest) -> AWSResponse:
        ended.append(over.wait(20))
        return silent(request)

    with inject_fault(connection, slow, lasting=True):
        assert api("GET", FREE).status_code == 200
        assert ended == []  # the lease call is still in progress
        over.set()


@pytest.mark.backend("moto")
def test_without_the_quota_table_a_process_counts_alone(
    connection: Connection, limited: Callable[..., Api]
) -> None:
    client.bind(Settings(table_prefix="none"), connection)
    api = limited(rate_quota=2)
    assert [api("GET", FREE).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.backend("moto")
def test_rate_shared_off_and_unauthenticated_requests_write_nothing(
    connection: Connection, limited: Callable[..., Api]
) -> None:
    with inject_fault(connection) as sent:
        api = limited(rate_quota=2, auth="on")
        assert [api("GET", FREE).status_code for _ in range(3)] == [200, 200, 429]
        api = limited(rate_quota=2, rate_shared="off")
        assert [api("GET", FREE).status_code for _ in range(3)] == [200, 200, 429]
    assert sent == []
