"""The headers that every response has: security, caching and CORS.

See https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
"""

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus

from chalicelib.http import request_log
from chalicelib.http.request_ids import Headers

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
"""Sent over HTTPS only (RFC 6797, section 7.2)."""
ACCEPT_PATCH = {"Accept-Patch": "application/merge-patch+json, application/json"}
"""The media types of a PATCH (RFC 5789, section 3.1)."""
EXPOSED = (
    "Accept-Patch, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy,"
    " Retry-After, Server-Timing, WWW-Authenticate, X-Request-Id, traceresponse"
)
"""Access-Control-Expose-Headers: what scripts of an allowed origin may read."""
ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id,"
    " traceparent, tracestate"
)
"""Access-Control-Allow-Headers: what scripts of an allowed origin may send."""
PREFLIGHT_SECONDS = 7200
"""How long a browser may cache the response to a preflight: Chromium's maximum."""


class ResponseHeaders:
    """Makes the headers of responses.

    Args:
        origins: whose scripts may use the API; "*" is every origin.
        server_timing: whether each response says where the time went (Server-Timing).
    """

    def __init__(self, origins: Collection[str], *, server_timing: bool = False) -> None:
        self._origins = origins
        self._server_timing = server_timing

    def common(self, request_headers: Headers, method: str, status: int) -> dict[str, str]:
        """Return what every response has, by the request and the status of the response."""
        https = request_headers.get("x-forwarded-proto", "") == "https"
        return {
            **SECURITY,
            **(HTTPS_ONLY if https else {}),
            "Cache-Control": _cache_control(method, status),
            **self._cors(request_headers.get("origin", "")),
            **(self._timing() if self._server_timing else {}),
        }

    def _timing(self) -> dict[str, str]:
        return {"Server-Timing": request_log.current().server_timing()}

    def options(self, methods: Iterable[str]) -> dict[str, str]:
        """Return what the response to OPTIONS has besides, by the methods of the path."""
        methods = sorted(methods)
        allowed = ", ".join(methods)
        headers = {"Allow": allowed, **(ACCEPT_PATCH if "PATCH" in methods else {})}
        if not self._origins:
            return headers
        return {
            **headers,
            "Access-Control-Allow-Methods": allowed,
            "Access-Control-Allow-Headers": ALLOWED,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }

    def _cors(self, origin: str) -> Mapping[str, str]:
        if not self._origins:
            return {}
        if "*" in self._origins:
            return self._allowing("*")
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {**self._allowing(origin), "Vary": "Origin"}

    def _allowing(self, origin: str) -> Mapping[str, str]:
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": EXPOSED,
            **({"Timing-Allow-Origin": origin} if self._server_timing else {}),
        }


def _cache_control(method: str, status: int) -> str:
    """Let only the client itself store what it has read, and revalidate it before each use."""
    stored = method in {"GET", "HEAD"} and status in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}
    return "private, no-cache" if stored else "no-store"
