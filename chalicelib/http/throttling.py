"""How much may be asked for: by each principal, and of each route at API Gateway.

The headers are those of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/
"""

import os
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import NamedTuple

from chalice.app import Request

from chalicelib.http import principals
from chalicelib.http.problems import HttpProblem
from chalicelib.services.rate_limiter import Limiter, Policy, Standing
from chalicelib.settings import Settings

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


IPV6_PREFIX = 64
"""The bits of an IPv6 address that name a network; whoever has a network has all its addresses."""


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


class _Throttling:
    """What `bind` sets; there is no limiter if nothing is counted."""

    limiter: Limiter | None
    shared: bool


def bind(settings: Settings) -> None:
    """Set how much each principal may ask for; forget what this process has counted so far."""
    window, burst = settings.rate_window_seconds, settings.rate_burst
    _Throttling.limiter = Limiter(settings.quota, window, burst) if settings.quota else None
    _Throttling.shared = settings.rate_shared == "on"


def admit(request: Request) -> Mapping[str, str]:
    """Count a request for its principal, or for its address or IPv6 network if it has none.

    Strangers are counted in the process alone: a flood of addresses must not become one of writes.

    Returns:
        The headers that tell what is left.

    Raises:
        Refused: 429, with all policies that are spent.
    """
    limiter = _Throttling.limiter
    if limiter is None:
        return {}
    principal = principals.of(request)
    shared = _Throttling.shared and principal != principals.STRANGER
    admitted, standings = limiter.admit(_who(principal, request), shared=shared)
    headers = _headers(standings)
    if admitted:
        return headers
    raise _refusal([one for one in standings if not one.remaining], headers)


def _who(principal: principals.Principal, request: Request) -> str:
    if principal.owner:
        return f"name:{principal.owner}"
    return f"address:{_network(request.context['identity']['sourceIp'])}"


def _network(address: str) -> str:
    """Return an IPv4 address as it is, and the network of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed.packed, IPV6_PREFIX), strict=False))


def _headers(standings: Sequence[Standing]) -> dict[str, str]:
    policies = (one.policy for one in standings)
    allowed = (f'"{name}";q={limit};w={seconds}' for name, limit, seconds in policies)
    left = (f'"{policy.name}";r={remaining};t={reset}' for policy, remaining, reset in standings)
    return {"RateLimit-Policy": ", ".join(allowed), "RateLimit": ", ".join(left)}


def _refusal(spent: Sequence[Standing], headers: Mapping[str, str]) -> HttpProblem:
    wait = max(one.reset for one in spent)
    limits = " and ".join(_text(one.policy) for one in spent)
    return HttpProblem(
        429,
        f"requests: must be at most {limits}; try again in {wait} s",
        kind=QUOTA_EXCEEDED,
        headers={**headers, "Retry-After": str(wait)},
        violated_policies=tuple(one.policy.name for one in spent),
    )


def _text(policy: Policy) -> str:
    return f"{policy.limit} in {policy.seconds} s"


bind(Settings.from_environ(os.environ))
