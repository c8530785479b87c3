"""How much may be asked for: by each principal in this process, and of each route at API Gateway.

The headers are those of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/
"""

import math
import os
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from chalice.app import Request

from chalicelib.api import principals
from chalicelib.api.problems import Refused
from chalicelib.settings import Settings

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class Throttle(NamedTuple):
    """What API Gateway lets through to a route, of all clients together; a token bucket."""

    rate: float
    """Requests a second in the long run."""
    burst: int
    """Requests at once."""


USUAL = Throttle(rate=100, burst=200)
"""For a route that has no rule of its own."""
PAGES = Throttle(rate=50, burst=100)
"""For lists: a page may take a megabyte of reading."""


class Limiter:
    """Counts each principal's requests, over the last second and over the last window.

    Args:
        quota: requests in a window.
        window: seconds.
        burst: requests in a second.
    """

    def __init__(self, quota: int, window: int, burst: int) -> None:
        # Here, so that only who throttles pays for this import.
        from limits import RateLimitItemPerSecond
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._policies = (
            RateLimitItemPerSecond(burst, 1, "burst"),
            RateLimitItemPerSecond(quota, window, "quota"),
        )
        self._told = ", ".join(
            f'"{policy.namespace}";q={policy.amount};w={policy.get_expiry()}'
            for policy in self._policies
        )
        self._counts = MovingWindowRateLimiter(MemoryStorage())
        self._lock = threading.Lock()

    def admit(self, who: str) -> Mapping[str, str]:
        """Counts a request; gives the headers that tell what is left.

        A request that is refused takes nothing from the quota.

        Raises:
            Refused: 429, too many came before it.
        """
        with self._lock:  # so that what is told is what this request has left
            violated = next((one for one in self._policies if not self._counts.hit(one, who)), None)
            stats = {one: self._counts.get_window_stats(one, who) for one in self._policies}
        now = time.time()
        wait = {one: max(math.ceil(stats[one].reset_time - now), 1) for one in self._policies}
        left = (f'"{one.namespace}";r={stats[one].remaining};t={wait[one]}' for one in stats)
        headers = {"RateLimit-Policy": self._told, "RateLimit": ", ".join(left)}
        if violated is None:
            return headers
        name = violated.namespace
        raise Refused(
            429,
            f"more than {violated.amount} requests in {violated.get_expiry()} s; try again",
            kind=QUOTA_EXCEEDED,
            headers=headers | {"Retry-After": str(wait[violated])},
            violated_policies=(name,),
        )


class _Throttling:
    """What `bind` sets; None where nothing is counted."""

    limiter: Limiter | None


def bind(settings: Settings) -> None:
    """Sets how much each principal may ask for; what was counted so far is forgotten."""
    window, burst = settings.rate_window_seconds, settings.rate_burst
    _Throttling.limiter = Limiter(settings.quota, window, burst) if settings.quota else None


def admit(request: Request) -> Mapping[str, str]:
    """Counts a request for its principal, or else for the address that it comes from.

    Raises:
        Refused: 429.
    """
    if _Throttling.limiter is None:
        return {}
    who = principals.of(request).id or request.context["identity"]["sourceIp"]
    return _Throttling.limiter.admit(who)


bind(Settings.from_environ(os.environ))
