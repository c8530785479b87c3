"""The lines of the last minutes, added up by route.

The memory is bounded: a window has a fixed number of slices, and a slice a fixed number of routes.
"""

import math
from collections import deque
from collections.abc import Collection
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import NamedTuple

import msgspec

from billet.top.histogram import Histogram
from chalicelib.http.request_log import LOGGER, Line

SLICES = 30
MAX_ROUTES = 100
MAX_PRINCIPALS = 50
OTHER = "(other)"
"""Replaces routes and principals beyond the maximum. A log may have any."""
FAR_OFFSET = 1000
"""From here on, an offset counts as far. A page of 100 then reads ten times what it returns."""
FEW_REQUESTS, FEW_SECONDS = 200, 20.0
"""With fewer, the first requests of cold connections and processes are a large part."""
MEMORY_SECONDS = 5
MEMORY_SLICES = 720
"""An hour."""
TOO_MANY_REQUESTS = 429
_decode = msgspec.json.Decoder(Line).decode


def parse(text: str) -> Line | None:
    """Return the line of a request, also after a prefix such as that of `docker compose logs`.

    Returns:
        None if the text is anything else.
    """
    start = text.find("{")
    if start < 0:
        return None
    try:
        line = _decode(text[start:])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return line if line.logger == LOGGER else None


@dataclass
class Totals:
    """What requests took and cost, added up."""

    requests: int = 0
    ms: float = 0.0
    db_ms: float = 0.0
    wait_ms: float = 0.0
    backoff_ms: float = 0.0
    cpu_ms: float = 0.0
    calls: int = 0
    rcu: float = 0.0
    wcu: float = 0.0
    items_read: int = 0
    items_returned: int = 0
    retries: int = 0
    conflicts: int = 0
    throttles: int = 0
    errors: int = 0
    client_errors: int = 0
    limited: int = 0
    """Responses with 429."""
    replays: int = 0
    cold_starts: int = 0
    cold_ms: float = 0.0
    far_offsets: int = 0
    """Requests for a page at a far offset. The next three are of these requests."""
    far_ms: float = 0.0
    far_rcu: float = 0.0
    far_sum: int = 0
    durations: Histogram = field(default_factory=Histogram)
    cpu_times: Histogram = field(default_factory=Histogram)
    """The CPU time of each request."""
    call_times: Histogram = field(default_factory=Histogram)
    """The mean time of a call of each request that has calls."""
    principals: dict[str, float] = field(default_factory=dict)
    """The milliseconds of each principal."""
    throttled: dict[str, float] = field(default_factory=dict)
    """The refused calls of each principal."""
    far_readers: dict[str, float] = field(default_factory=dict)
    """The read units of each principal at far offsets."""

    def add(self, line: Line) -> None:
        """Add a request."""
        self.requests += 1
        self.ms += line.ms
        self.db_ms += line.db_ms
        self.wait_ms += line.wait_ms
        self.backoff_ms += line.backoff_ms
        self.cpu_ms += line.cpu_ms
        self.calls += line.calls
        self.rcu += line.rcu
        self.wcu += line.wcu
        self.items_read += line.items_read
        self.items_returned += line.items_returned or 0
        self.retries += line.retries
        self.conflicts += line.conflicts
        self.throttles += line.throttles
        self.errors += line.status >= 500
        self.client_errors += 400 <= line.status < 500
        self.limited += line.status == TOO_MANY_REQUESTS
        self.replays += line.replay
        if line.cold_start:
            self.cold_starts += 1
            self.cold_ms += line.ms
        if line.offset is not None and line.offset >= FAR_OFFSET:
            self.far_offsets += 1
            self.far_ms += line.ms
            self.far_rcu += line.rcu
            self.far_sum += line.offset
            if line.principal:
                _add(self.far_readers, line.principal, line.rcu)
        self.durations.add(line.ms)
        self.cpu_times.add(line.cpu_ms)
        if line.calls:
            self.call_times.add(line.db_ms / line.calls)
        if line.principal:
            _add(self.principals, line.principal, line.ms)
            if line.throttles:
                _add(self.throttled, line.principal, line.throttles)

    def merge(self, other: "Totals") -> None:
        """Add other requests."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _HISTOGRAMS:
            getattr(self, name).merge(getattr(other, name))
        for name in _BY_PRINCIPAL:
            for principal, amount in getattr(other, name).items():
                _add(getattr(self, name), principal, amount)


def _add(amounts: dict[str, float], principal: str, amount: float) -> None:
    name = _bounded(principal, amounts, MAX_PRINCIPALS)
    amounts[name] = amounts.get(name, 0.0) + amount


_HISTOGRAMS = [one.name for one in fields(Totals) if one.default_factory is Histogram]
_BY_PRINCIPAL = [one.name for one in fields(Totals) if one.default_factory is dict]
_SUMS = [one.name for one in fields(Totals) if one.default is not MISSING]


class MemoryStep(NamedTuple):
    """The memory of the processes in MEMORY_SECONDS."""

    seconds: float
    """When it began, since 1970."""
    mb: float
    """The mean resident memory that the requests of this time found."""
    requests: int


class Observed(NamedTuple):
    """The requests of the window."""

    seconds: float
    """The time that the requests spread over, at least one second."""
    routes: dict[str, Totals]
    total: Totals
    memory: list[MemoryStep]
    """For up to an hour."""
    idle_seconds: float = 0.0
    """The time since the last request."""

    @property
    def few(self) -> bool:
        """Whether there are too few data for a mean."""
        return self.total.requests < FEW_REQUESTS or self.seconds < FEW_SECONDS


class Window:
    """Adds up the requests of the last seconds.

    Args:
        seconds: the length of the window; infinite by default.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds
        self._slice_seconds = seconds / SLICES
        self._slices: dict[int, dict[str, Totals]] = {}
        self._first = math.inf
        self._now = self._last = -math.inf
        self._memory: deque[_Mean] = deque(maxlen=MEMORY_SLICES)

    def add(self, line: Line) -> None:
        """Add a request, unless it is older than the window."""
        seconds = datetime.fromisoformat(line.time).timestamp()
        self.advance(seconds)
        if seconds <= self._now - self._seconds:
            return
        self._first = min(self._first, seconds)
        self._last = max(self._last, seconds)
        routes = self._slices.setdefault(self._slice_of(seconds), {})
        route = _bounded(line.route, routes, MAX_ROUTES)
        routes.setdefault(route, Totals()).add(line)
        self._add_memory(int(seconds // MEMORY_SECONDS), line.memory_mb)

    def advance(self, now: float) -> None:
        """Move the end of the window to this time, in seconds since 1970, but not back."""
        if now <= self._now:
            return
        self._now = now
        oldest = self._slice_of(now - self._seconds)
        for key in [one for one in self._slices if one < oldest]:
            del self._slices[key]

    def observed(self) -> Observed:
        """Return what is in the window now."""
        routes: dict[str, Totals] = {}
        total = Totals()
        for slice_ in self._slices.values():
            for route, totals in slice_.items():
                routes.setdefault(_bounded(route, routes, MAX_ROUTES), Totals()).merge(totals)
        for totals in routes.values():
            total.merge(totals)
        seconds = min(self._seconds, self._now - self._first) if routes else 0.0
        return Observed(
            seconds=max(1.0, seconds),
            routes=routes,
            total=total,
            memory=[one.step for one in self._memory],
            idle_seconds=self._now - self._last if self._memory else 0.0,
        )

    def _slice_of(self, seconds: float) -> int:
        return 0 if math.isinf(self._seconds) else int(seconds // self._slice_seconds)

    def _add_memory(self, key: int, memory_mb: float) -> None:
        if not self._memory or key > self._memory[-1].key:
            self._memory.append(_Mean(key))
        self._memory[-1].add(memory_mb)


class _Mean:
    def __init__(self, key: int) -> None:
        self.key = key
        self._sum = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        self._sum += value
        self._count += 1

    @property
    def step(self) -> MemoryStep:
        return MemoryStep(self.key * MEMORY_SECONDS, self._sum / self._count, self._count)


def _bounded(name: str, known: Collection[str], most: int) -> str:
    return name if name in known or len(known) < most else OTHER
