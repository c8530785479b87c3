"""The headers of every reply: those of security, and those of CORS for the origins allowed.

By https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
"""

import os
from collections.abc import Iterable
from http import HTTPStatus

from chalicelib.http.request_ids import Headers
from chalicelib.settings import Settings

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
"""For HTTPS alone (RFC 6797, section 7.2)."""
EXPOSED = (
    "Accept-Patch, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy,"
    " Retry-After, WWW-Authenticate, X-Request-Id"
)
"""What a page of an allowed origin may read beside the headers that every page may."""
ACCEPT_PATCH = {"Accept-Patch": "application/merge-patch+json, application/json"}
"""The media types of a PATCH (RFC 5789, section 3.1)."""
TAKEN = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"
"""What such a page may send."""
PREFLIGHT_SECONDS = 7200
"""How long a browser may go by a preflight's answer; none goes by it for longer than this."""


class _Cors:
    """What `bind` sets."""

    origins: tuple[str, ...]


def bind(settings: Settings) -> None:
    """Sets from which origins pages may use the API."""
    _Cors.origins = settings.origins


def of_reply(asked: Headers, method: str, status: int) -> dict[str, str]:
    """The headers of a reply of this status to a request of this method and with these headers."""
    secure = asked.get("x-forwarded-proto", "") == "https"
    return {
        **SECURITY,
        **(HTTPS_ONLY if secure else {}),
        "Cache-Control": _caching(method, status),
        **_of_cors(asked.get("origin", "")),
    }


def of_preflight(methods: Iterable[str]) -> dict[str, str]:
    """What the answer to OPTIONS says besides; with CORS, what a page may send."""
    methods = sorted(methods)
    allowed = ", ".join(methods)
    told = {"Allow": allowed, **(ACCEPT_PATCH if "PATCH" in methods else {})}
    if not _Cors.origins:
        return told
    return {
        **told,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": TAKEN,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


def _caching(method: str, status: int) -> str:
    """What was read may be kept by the client that asked, and used when it is found unchanged."""
    kept = method in {"GET", "HEAD"} and status in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}
    return "private, no-cache" if kept else "no-store"


def _of_cors(origin: str) -> dict[str, str]:
    if not _Cors.origins:
        return {}
    if "*" in _Cors.origins:
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
    if origin not in _Cors.origins:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


bind(Settings.from_environ(os.environ))
