"""Limits the requests of each principal: a burst per second, and a quota per window.

Windows begin at multiples of their length since 1970, so all processes agree on them. If the clock
is changed, or stops while Lambda freezes the process, the next request counts in the window of the
new time. Nobody is locked out.

A shared quota is for all processes together. Each process leases requests of the window from
DynamoDB, many with one write, and leases again when it has admitted that many.
"""

import contextvars
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
"""How many principals a process remembers, the most recent ones."""
LEASE_SECONDS = 1.0
"""The longest wait of a request for a lease."""
PAUSE_SECONDS = 5.0
"""How long a process counts without leases after one has failed."""

_threads = ThreadPoolExecutor(8, thread_name_prefix="lease")


class Policy(NamedTuple):
    """At most `limit` requests per window."""

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
        """How many requests this process has leased."""
        self.left = left
        """How many requests the window has left to lease, as far as this process knows."""

    @property
    def unused(self) -> int:
        """How many requests this process can admit without another lease."""
        return self.granted - self.admitted

    @property
    def remaining(self) -> int:
        """How many requests the policy has left, as far as this process knows."""
        return self.unused + self.left

    def next_lease_size(self, policy: Policy) -> int:
        """Return how many requests to lease next.

        These are as many as this process has admitted, so that an idle process withholds few, and
        at most an eighth of what is left, so that all processes together use the whole quota.
        """
        return max(1, min(max(self.admitted, policy.limit // 256), self.left // 8))

    def credit(self, policy: Policy, count: int, used: int) -> None:
        """Add a lease of `count` requests. With it, all processes have leased `used`."""
        self.granted += max(0, min(count, policy.limit - (used - count)))
        self.left = max(0, policy.limit - max(used, self.granted))

    def credit_alone(self) -> None:
        """Add one request without a lease, of those that were left at the last one."""
        self.granted += 1
        self.left -= 1


class LimitState(NamedTuple):
    """The state of a policy for a principal."""

    policy: Policy
    remaining: int
    reset: int
    """The seconds until the window ends, rounded up."""


class _Principal:
    __slots__ = ("balances", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.balances: dict[Policy, Balance] = {}

    def balance(self, policy: Policy, now: float, *, leased: bool) -> Balance:
        """Return the balance of the current window."""
        start = int(now // policy.seconds) * policy.seconds
        balance = self.balances.get(policy)
        if balance is None or balance.start != start:
            granted, left = (0, policy.limit) if leased else (policy.limit, 0)
            balance = self.balances[policy] = Balance(start, granted, left)
        return balance


class Limiter:
    """Counts the requests of up to MAX_PRINCIPALS principals.

    Args:
        quota: requests per window.
        window: the length of a window in seconds.
        burst: requests per second.
    """

    def __init__(self, quota: int, window: int, burst: int) -> None:
        self.burst = Policy("burst", burst, 1)
        self.quota = Policy("quota", quota, window)
        self._principals: OrderedDict[str, _Principal] = OrderedDict()
        self._lock = threading.Lock()
        self._resume = 0.0

    def __len__(self) -> int:
        return len(self._principals)

    def admit(self, who: str, *, shared: bool) -> tuple[bool, Sequence[LimitState]]:
        """Count a request, if all policies admit it.

        Args:
            who: the principal.
            shared: whether the quota is for all processes together.

        Returns:
            Whether the request is admitted, and the state of each policy after it.
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
                LimitState(policy, balance.remaining, _until_end(balance.start, policy, now))
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
        count = balance.next_lease_size(self.quota)
        used = self._take(who, balance.start, count)
        if used is None:
            balance.credit_alone()
        else:
            balance.credit(self.quota, count, used)

    def _take(self, who: str, start: int, count: int) -> int | None:
        """Return what all processes have leased; None if the database does not respond in time."""
        if monotonic() < self._resume:
            return None
        in_request = contextvars.copy_context().run  # which counts the call
        lease = _threads.submit(in_request, quotas.take, who, start, self.quota.seconds, count)
        try:
            return lease.result(LEASE_SECONDS)
        except Exception as error:  # noqa: BLE001, requests are served without it
            lease.cancel()
            self._resume = monotonic() + PAUSE_SECONDS
            reason = error.__cause__ or error
            log.warning("no shared quota for %d s: %r", PAUSE_SECONDS, reason)
            return None


def _until_end(start: int, policy: Policy, now: float) -> int:
    return max(1, math.ceil(start + policy.seconds - now))
