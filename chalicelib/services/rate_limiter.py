"""How many requests each principal may send: a burst in each second, a quota in each window.

Windows have fixed borders, the multiples of their length since 1970 by the wall clock, so that all
processes agree on them. A clock that is set back or forward leads to another window at once: it
locks nobody out, and neither does a clock that stands still while Lambda freezes the process.

A shared quota holds for all processes together: each leases requests of the window from DynamoDB,
many with one write, and admits so many before it asks again.
"""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from chalicelib.dynamodb import quotas
from chalicelib.time_budget import monotonic

log = logging.getLogger(__name__)

MAX_PRINCIPALS = 10_000
"""How many principals a process remembers: those that sent requests last."""
LEASE_SECONDS = 1.0
"""How long a request waits for a lease."""
PAUSE_SECONDS = 5.0
"""After a lease that failed, how long the process counts alone."""

_threads = ThreadPoolExecutor(8, thread_name_prefix="lease")


class Policy(NamedTuple):
    """At most `limit` requests in each window of so many seconds."""

    name: str
    limit: int
    seconds: int


class Balance:
    """A principal's requests in one window of a policy, in this process."""

    __slots__ = ("admitted", "granted", "left", "start")

    def __init__(self, start: int, granted: int, left: int) -> None:
        self.start = start
        self.admitted = 0
        self.granted = granted
        """How many this process may admit."""
        self.left = left
        """How many it may still lease, as far as it knows."""

    @property
    def unused(self) -> int:
        """How many this process may admit without another lease."""
        return self.granted - self.admitted

    @property
    def remaining(self) -> int:
        """How many are left of the policy's limit, as far as this process knows."""
        return self.unused + self.left

    def lease(self, policy: Policy) -> int:
        """How many requests to lease next.

        As many as this process has admitted, so that one with few requests withholds few from the
        others; and at most an eighth of what is left, so that in the end all of it is used.
        """
        return max(1, min(max(self.admitted, policy.limit // 256), self.left // 8))

    def credit(self, policy: Policy, count: int, used: int) -> None:
        """Add a lease of `count` requests, after which all processes have used so many."""
        self.granted += max(0, min(count, policy.limit - (used - count)))
        self.left = max(0, policy.limit - max(used, self.granted))

    def credit_alone(self) -> None:
        """Add one request without a lease, within what was left when the last one was given."""
        self.granted += 1
        self.left -= 1


class Standing(NamedTuple):
    """Where a principal stands with a policy."""

    policy: Policy
    remaining: int
    reset: int
    """In how many seconds the window ends, rounded up."""


class _Principal:
    __slots__ = ("balances", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.balances: dict[Policy, Balance] = {}

    def balance(self, policy: Policy, now: float, *, leased: bool) -> Balance:
        """The balance of the current window, a new one if another window was counted last."""
        start = int(now // policy.seconds) * policy.seconds
        balance = self.balances.get(policy)
        if balance is None or balance.start != start:
            granted, left = (0, policy.limit) if leased else (policy.limit, 0)
            balance = self.balances[policy] = Balance(start, granted, left)
        return balance


class Limiter:
    """Counts requests by principal; its memory is bounded by MOST_PRINCIPALS.

    Args:
        quota: requests in a window.
        window: seconds.
        burst: requests in a second.
    """

    def __init__(self, quota: int, window: int, burst: int) -> None:
        self.burst = Policy("burst", burst, 1)
        self.quota = Policy("quota", quota, window)
        self._principals: OrderedDict[str, _Principal] = OrderedDict()
        self._lock = threading.Lock()
        self._resume = 0.0

    def __len__(self) -> int:
        return len(self._principals)

    def admit(self, who: str, *, shared: bool) -> tuple[bool, Sequence[Standing]]:
        """Count a request; return whether it is admitted, and where its principal then stands.

        A request that is refused takes nothing from any policy.

        Args:
            shared: whether the quota holds for all processes together.
        """
        principal = self._principal(who)
        with principal.lock:
            now = time.time()
            burst = principal.balance(self.burst, now, leased=False)
            quota = principal.balance(self.quota, now, leased=shared)
            if burst.unused and not quota.unused and quota.left:
                self._lease(who, quota)
            admitted = burst.unused > 0 and quota.unused > 0
            if admitted:
                burst.admitted += 1
                quota.admitted += 1
            both = ((self.burst, burst), (self.quota, quota))
            return admitted, [
                Standing(policy, balance.remaining, _until_end(balance.start, policy, now))
                for policy, balance in both
            ]

    def _principal(self, who: str) -> _Principal:
        with self._lock:
            principal = self._principals.setdefault(who, _Principal())
            self._principals.move_to_end(who)
            if len(self._principals) > MAX_PRINCIPALS:
                self._principals.popitem(last=False)
            return principal

    def _lease(self, who: str, balance: Balance) -> None:
        count = balance.lease(self.quota)
        used = self._take(who, balance.start, count)
        if used is None:
            balance.credit_alone()
        else:
            balance.credit(self.quota, count, used)

    def _take(self, who: str, start: int, count: int) -> int | None:
        """The sum after a lease; None if the database does not give any soon."""
        if monotonic() < self._resume:
            return None
        lease = _threads.submit(quotas.take, who, start, self.quota.seconds, count)
        try:
            return lease.result(LEASE_SECONDS)
        except Exception as error:  # noqa: BLE001, whatever is wrong with the count, requests are served
            lease.cancel()
            self._resume = monotonic() + PAUSE_SECONDS
            reason = error.__cause__ or error
            log.warning("no shared quota for %d s: %r", PAUSE_SECONDS, reason)
            return None


def _until_end(start: int, policy: Policy, now: float) -> int:
    return max(1, math.ceil(start + policy.seconds - now))
