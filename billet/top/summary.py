"""The figures that `billet top` shows."""

import msgspec

from billet.prices import dollars
from billet.top.causes import Cause, likely_causes
from billet.top.window import MemoryStep, Observed, Totals

HOUR = 3600
TREND_SECONDS = 60
NO_MEMORY = MemoryStep(seconds=0.0, mb=0.0, requests=0)


class Row(msgspec.Struct):
    """The figures of a route. Times are in milliseconds; calls and units are for each request."""

    route: str
    requests: int
    rate: float
    """Requests a second."""
    p50: float
    p95: float
    p99: float
    time_percent: float
    """The route's share of the time of all requests."""
    db_percent: float
    """The share of its time in DynamoDB."""
    wait_percent: float
    """The share of its time that its requests waited for a thread."""
    cpu_ms: float
    """The CPU time of a request."""
    calls: float
    rcu: float
    wcu: float
    dollars_per_hour: float
    """The price of its units at this rate."""
    errors: int
    """Responses with a status of 500 or more."""
    client_errors: int
    conflicts: int
    throttles: int
    retries: int
    replays: int
    cold_starts: int
    principal: str | None
    """The principal with the largest share of the time."""


class Summary(msgspec.Struct):
    """The table and the likely causes."""

    seconds: float
    requests: int
    rate: float
    memory_mb: float
    """The mean of the processes at the end."""
    memory_before_mb: float
    """The mean so many seconds before."""
    memory_seconds: float
    """At most TREND_SECONDS."""
    idle_seconds: float
    """The time since the last request."""
    few_data: bool
    """Whether only a cause that is clear from few requests is named."""
    causes: list[Cause]
    routes: list[Row]
    """The one with the largest share of the time first."""


def summarize(observed: Observed) -> Summary:
    """Return the summary of the requests."""
    total = observed.total
    before, now = _memory_trend(observed.memory)
    rows = [_row(route, one, observed) for route, one in observed.routes.items()]
    return Summary(
        seconds=round(observed.seconds, 1),
        requests=total.requests,
        rate=round(total.requests / observed.seconds, 2),
        memory_mb=round(now.mb, 1),
        memory_before_mb=round(before.mb, 1),
        memory_seconds=now.seconds - before.seconds,
        idle_seconds=round(observed.idle_seconds, 1),
        few_data=observed.few,
        causes=likely_causes(observed),
        routes=sorted(rows, key=lambda row: row.time_percent, reverse=True),
    )


def _memory_trend(memory: list[MemoryStep]) -> tuple[MemoryStep, MemoryStep]:
    if not memory:
        return NO_MEMORY, NO_MEMORY
    now = memory[-1]
    return next(one for one in memory if one.seconds >= now.seconds - TREND_SECONDS), now


def _row(route: str, one: Totals, observed: Observed) -> Row:
    count = one.requests
    return Row(
        route=route,
        requests=count,
        rate=round(count / observed.seconds, 2),
        p50=round(one.durations.percentile(50), 1),
        p95=round(one.durations.percentile(95), 1),
        p99=round(one.durations.percentile(99), 1),
        time_percent=percent(one.ms, observed.total.ms),
        db_percent=percent(one.db_ms, one.ms),
        wait_percent=percent(one.wait_ms, one.ms),
        cpu_ms=round(one.cpu_ms / count, 1),
        calls=round(one.calls / count, 1),
        rcu=round(one.rcu / count, 1),
        wcu=round(one.wcu / count, 1),
        dollars_per_hour=round(dollars(one.rcu, one.wcu) / observed.seconds * HOUR, 4),
        errors=one.errors,
        client_errors=one.client_errors,
        conflicts=one.conflicts,
        throttles=one.throttles,
        retries=one.retries,
        replays=one.replays,
        cold_starts=one.cold_starts,
        principal=max(one.principals, key=one.principals.__getitem__, default=None),
    )


def percent(part: float, whole: float) -> float:
    """Return the share as a percentage."""
    return round(100 * part / whole, 1) if whole else 0.0
