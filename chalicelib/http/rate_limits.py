"""The rate limits of each client, and the headers that report them.

The headers are those of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network

from chalice.app import Request

from chalicelib.http.authentication import UNAUTHENTICATED, Principal
from chalicelib.http.problems import HttpProblem
from chalicelib.services.rate_limiter import Limiter, LimitState, Policy
from chalicelib.settings import Settings

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
IPV6_PREFIX = 64
"""The bits of an IPv6 address that name a network. A client has all addresses of its network."""


class RateLimits:
    """Counts the requests of each client against RATE_QUOTA and RATE_BURST; none if there is no
    quota."""

    def __init__(self, settings: Settings) -> None:
        window, burst = settings.rate_window_seconds, settings.rate_burst
        self._limiter = Limiter(settings.quota, window, burst) if settings.quota else None
        self._shared = settings.rate_shared == "on"

    def admit(self, request: Request, principal: Principal) -> Mapping[str, str]:
        """Count a request for its principal, or for its address or IPv6 network if it has none.

        Requests without a valid token are counted in this process only, so that a flood of
        addresses does not become a flood of writes.

        Returns:
            The headers that report the remaining requests.

        Raises:
            HttpProblem: 429, with all limits that are spent.
        """
        if self._limiter is None:
            return {}
        shared = self._shared and principal != UNAUTHENTICATED
        admitted, states = self._limiter.admit(_client(principal, request), shared=shared)
        headers = _headers(states)
        if not admitted:
            raise _problem([one for one in states if not one.remaining], headers)
        return headers


def _client(principal: Principal, request: Request) -> str:
    if principal.quota_owner:
        return f"name:{principal.quota_owner}"
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


def _headers(states: Sequence[LimitState]) -> dict[str, str]:
    policies = (one.policy for one in states)
    limits = (f'"{name}";q={limit};w={seconds}' for name, limit, seconds in policies)
    left = (f'"{policy.name}";r={remaining};t={reset}' for policy, remaining, reset in states)
    return {"RateLimit-Policy": ", ".join(limits), "RateLimit": ", ".join(left)}


def _problem(spent: Sequence[LimitState], headers: Mapping[str, str]) -> HttpProblem:
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
