"""What a request costs: its calls to DynamoDB, their time and their capacity units.

Every layer adds to the statistics of the request that its context belongs to. Threads of the
request have copies of its context, and so the same statistics.
"""

import threading
import time
from contextvars import ContextVar

perf_counter = time.perf_counter


class RequestStats:
    """The statistics of one request. Thread-safe."""

    def __init__(self) -> None:
        self.calls = 0
        """Calls to DynamoDB, failed and repeated ones included."""
        self.rcu = 0.0
        """Read units, as DynamoDB reports them. It reports none for a failed call."""
        self.wcu = 0.0
        """Write units, as DynamoDB reports them."""
        self.items_read = 0
        """Items that DynamoDB read for the calls."""
        self.retries = 0
        """Calls that repeat one that was refused, or had no response."""
        self.conflicts = 0
        """Attempts to write that failed because another request wrote first."""
        self.throttles = 0
        """Calls that DynamoDB refused because of load."""
        self.backoff_seconds = 0.0
        """The time of waits before another attempt."""
        self._lock = threading.Lock()
        self._open = 0
        self._opened_at = 0.0
        self._db_seconds = 0.0

    @property
    def db_seconds(self) -> float:
        """The time in which at least one call was open. Calls at the same time count once."""
        with self._lock:
            current = perf_counter() - self._opened_at if self._open else 0.0
            return self._db_seconds + current

    def call_begins(self) -> None:
        """Count a call, which is open until `call_ends`."""
        with self._lock:
            self.calls += 1
            self._open += 1
            if self._open == 1:
                self._opened_at = perf_counter()

    def call_ends(self, *, rcu: float = 0.0, wcu: float = 0.0, items_read: int = 0) -> None:
        """End a call, with what it has consumed."""
        with self._lock:
            self._open -= 1
            if not self._open:
                self._db_seconds += perf_counter() - self._opened_at
            self.rcu += rcu
            self.wcu += wcu
            self.items_read += items_read

    def add(
        self,
        *,
        retries: int = 0,
        conflicts: int = 0,
        throttles: int = 0,
        backoff_seconds: float = 0.0,
    ) -> None:
        """Add to the counts."""
        with self._lock:
            self.retries += retries
            self.conflicts += conflicts
            self.throttles += throttles
            self.backoff_seconds += backoff_seconds


_OUTSIDE = RequestStats()
_current: ContextVar[RequestStats] = ContextVar("request_stats", default=_OUTSIDE)
use = _current.set
"""Make statistics the current ones; returns the token for `leave`."""
leave = _current.reset

current = _current.get
"""Returns the statistics of this context's request. All calls outside of requests share theirs."""
