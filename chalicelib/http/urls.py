"""The URLs in responses: absolute in Link, a path in Location.

Their path is that of the matched route, never the request target, which the client chooses.
"""

import re
from collections.abc import Mapping

import msgspec
from chalice.app import Request

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9$._~+!*'()-]+)+")


class Urls(msgspec.Struct, frozen=True):
    """Makes the URLs in the response to a request.

    Args:
        public_url: the scheme and host of absolute URLs; "" takes those of the request.
    """

    request: Request
    public_url: str = ""

    def location(self, ident: int) -> Mapping[str, str]:
        """Return the header Location of what a POST has created."""
        return {"Location": f"{self._prefix()}{self.request.path}/{ident}"}

    def absolute(self, path: str) -> str:
        """Return the URL of a path; without scheme and host if the request has no valid Host."""
        return f"{self.public_url or self._origin()}{self._prefix()}{path}"

    def _prefix(self) -> str:
        """Return the stage or the base path of a custom domain, which precedes the route."""
        context, route = self.request.context, self.request.path
        if "stage" not in context:
            return ""
        parts = context["path"].rstrip("/").split("/")
        prefix = "/".join(parts[: len(parts) - route.count("/")])
        return prefix if _PREFIX.fullmatch(prefix) else ""

    def _origin(self) -> str:
        if domain := self.request.context.get("domainName"):
            return f"https://{domain}"
        headers = self.request.headers
        host = headers.get("host", "")
        if not _HOST.fullmatch(host):
            return ""
        scheme = headers.get("x-forwarded-proto", "").lower()
        return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}"
