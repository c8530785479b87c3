"""One line of the log for each request: who asked for what, how long it took, and what it cost.

A line has no data of the client: no body, no token, no username, no query but the page.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from chalicelib import request_stats
from chalicelib.http import request_ids, trace_context
from chalicelib.http.request_ids import Headers
from chalicelib.http.trace_context import Trace
from chalicelib.release import __version__
from chalicelib.request_stats import RequestStats, perf_counter

LOGGER = "billet.request"
MEMORY_SECONDS = 1.0
"""How long a measured size of the process is used."""
NO_REQUEST = "-"
"""The request id of what is logged outside of a request."""

log = logging.getLogger(LOGGER)
observers: "list[Callable[[Line], object]]" = []
"""What is called with the line of each request, whatever LOG_LEVEL is."""


class Line(msgspec.Struct, kw_only=True):
    """A line of the log. All times are in milliseconds."""

    time: str
    """When the response was ready: UTC, to the millisecond."""
    level: str
    """INFO, or WARNING for a status of 500 or more."""
    logger: str = LOGGER
    request_id: str
    """The `X-Request-Id` of the response."""
    trace_id: str
    """The trace of `traceparent`, else that of X-Ray, else a new one."""
    route: str
    """Method and pattern of the path, `GET /v1/tasks/{task_id}`; `GET -` for an unknown path."""
    status: int
    """The status of the response."""
    principal: str | None
    """The name of the token, the id of the Cognito user, or `feed:` and the id of its user; null if
    the request was refused before its sender was known."""
    ms: float
    """The time from the arrival of the request, with its body, to the response, with the wait."""
    db_ms: float
    """The time in which at least one call to DynamoDB was open, work of the client library
    included. Calls at the same time count once."""
    wait_ms: float
    """The time that the request waited for a thread of `billet serve`."""
    backoff_ms: float
    """The time of waits before repeated calls and writes."""
    cpu_ms: float
    """The CPU time of the request's thread."""
    calls: int
    """Calls to DynamoDB, failed and repeated ones included."""
    rcu: float
    """Read units that DynamoDB reported. It reports none for a failed call."""
    wcu: float
    """Write units that DynamoDB reported."""
    items_read: int
    """Items that DynamoDB read for the request, those that an offset skips included."""
    items_returned: int | None
    """Items in the page; null if the response is not a page."""
    retries: int
    """Calls that repeated a call that was refused or had no response."""
    conflicts: int
    """Attempts to write that failed because another request wrote first."""
    throttles: int
    """Calls that DynamoDB refused because of load."""
    replay: bool
    """Whether the response is the stored one of an earlier request with the same
    `Idempotency-Key`."""
    page_size: int | None
    """The `page_size` of a page."""
    offset: int | None
    """The `offset` of a page, rounded down to one significant digit."""
    cold_start: bool
    """Whether it is the first request that this process passed to the app."""
    memory_mb: float
    """The resident memory of the process, at most a second ago."""
    version: str = __version__
    """The release of Billet Tasks."""

    def __str__(self) -> str:
        """Return the JSON, also for a log handler that does not know about lines."""
        return msgspec.json.encode(self).decode()


class RequestRecord:
    """What is known of a request while it is handled."""

    def __init__(self, wait_seconds: float = 0.0) -> None:
        self.stats = RequestStats()
        self.request_id = NO_REQUEST
        self.trace: Trace | None = None
        self.route = NO_REQUEST
        self.status = 0
        self.principal: str | None = None
        self.wait_seconds = wait_seconds
        self.items_returned: int | None = None
        self.replay = False
        self.page_size: int | None = None
        self.offset: int | None = None
        self.cold_start = False
        self._began = perf_counter()
        self._cpu_began = time.thread_time()

    def reach_app(self) -> None:
        """Say that the app handles the request."""
        self.cold_start = _process.is_cold()

    @property
    def seconds(self) -> float:
        """The time since the request arrived, with its wait for a thread."""
        return perf_counter() - self._began + self.wait_seconds

    def server_timing(self) -> str:
        """Return where the time went until now, as the value of the header Server-Timing.

        https://www.w3.org/TR/server-timing/
        """
        stats = self.stats
        db, wait, backoff = stats.db_seconds, self.wait_seconds, stats.backoff_seconds
        units = "".join(
            f", {amount:g} {unit}"
            for amount, unit in ((stats.rcu, "RCU"), (stats.wcu, "WCU"))
            if amount
        )
        calls = "1 call" if stats.calls == 1 else f"{stats.calls} calls"
        parts = [
            f'db;dur={_ms(db)};desc="{calls}{units}"',
            f"app;dur={_ms(max(0.0, self.seconds - db - wait - backoff))}",
            f"wait;dur={_ms(wait)}",
        ]
        if backoff:
            parts.append(f"backoff;dur={_ms(backoff)}")
        return ", ".join(parts)

    def line(self) -> Line:
        """Return the line of the request."""
        stats = self.stats
        return Line(
            time=timestamp(time.time()),
            level=logging.getLevelName(_level(self.status)),
            request_id=self.request_id,
            trace_id=self.trace.id if self.trace else "",
            route=self.route,
            status=self.status,
            principal=self.principal,
            ms=_ms(self.seconds),
            db_ms=_ms(stats.db_seconds),
            wait_ms=_ms(self.wait_seconds),
            backoff_ms=_ms(stats.backoff_seconds),
            cpu_ms=_ms(time.thread_time() - self._cpu_began),
            calls=stats.calls,
            rcu=stats.rcu,
            wcu=stats.wcu,
            items_read=stats.items_read,
            items_returned=self.items_returned,
            retries=stats.retries,
            conflicts=stats.conflicts,
            throttles=stats.throttles,
            replay=self.replay,
            page_size=self.page_size,
            offset=None if self.offset is None else _bucket(self.offset),
            cold_start=self.cold_start,
            memory_mb=_process.memory_mb(),
        )


class _LogRecord(logging.LogRecord):
    """A record of a line, made from one template: that takes a tenth of the time."""

    _TEMPLATE = vars(logging.LogRecord(LOGGER, logging.INFO, __file__, 0, "", (), None))

    def __init__(self, line: Line) -> None:
        vars(self).update(self._TEMPLATE)
        self.msg = line
        self.levelname, self.levelno = line.level, _level(line.status)
        self.created = time.time()


_OUTSIDE = RequestRecord()
_current: ContextVar[RequestRecord] = ContextVar("request_record", default=_OUTSIDE)
current = _current.get
"""Returns the record of this context's request. Outside of requests, nobody reads it."""


@contextmanager
def recording(wait_seconds: float = 0.0) -> Iterator[RequestRecord]:
    """Record the request that the block handles, and log its line at the end.

    A block within another one is a part of the same request.

    Args:
        wait_seconds: how long the request has waited for a thread.
    """
    outer = _current.get()
    if outer is not _OUTSIDE:
        yield outer
        return
    record = RequestRecord(wait_seconds)
    token, stats_token = _current.set(record), request_stats.use(record.stats)
    try:
        yield record
    finally:
        try:
            _publish(record)
        finally:
            _current.reset(token)
            request_stats.leave(stats_token)


def begin(headers: Headers, generated_id: str, route: str) -> dict[str, str]:
    """Set the route of the current request, and its id and trace unless they are set.

    Args:
        generated_id: the id of a request without a well-formed one.
        route: see `Line.route`.

    Returns:
        The headers that tell them to the client.
    """
    record = current()
    record.route = route
    trace = record.trace
    if trace is None:
        record.request_id = request_ids.choose(headers, generated_id)
        trace = record.trace = trace_context.of_request(headers)
    return {request_ids.HEADER: record.request_id, trace_context.RESPONSE_HEADER: str(trace)}


def timestamp(seconds: float) -> str:
    """Return a time in seconds since 1970 as text: UTC, to the millisecond."""
    milliseconds = int(seconds * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _publish(record: RequestRecord) -> None:
    enabled = log.isEnabledFor(_level(record.status))
    if not enabled and not observers:
        return
    line = record.line()
    for observe in observers:
        observe(line)
    if enabled:
        log.handle(_LogRecord(line))


def _level(status: int) -> int:
    return logging.WARNING if status >= 500 else logging.INFO


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _bucket(offset: int) -> int:
    power: int = 10 ** (len(str(offset)) - 1)
    return offset - offset % power


class _Process:
    """What is known of this process."""

    def __init__(self) -> None:
        self._cold = True
        self._memory_mb = 0.0
        self._measured = -MEMORY_SECONDS

    def is_cold(self) -> bool:
        """Return whether nobody has asked before."""
        cold, self._cold = self._cold, False
        return cold

    def memory_mb(self) -> float:
        """Return the resident memory, measured at most MEMORY_SECONDS ago."""
        now = perf_counter()
        if now - self._measured >= MEMORY_SECONDS:
            self._measured = now
            self._memory_mb = _resident_mb()
        return self._memory_mb


_process = _Process()


def _resident_mb() -> float:
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[1])
    except OSError:  # not Linux
        import resource

        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1)
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
