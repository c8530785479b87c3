"""The URLs that replies hold: absolute for Link, a path for Location.

The path comes from the matched route, never from the target of the request: a client chooses that.
"""

import os
import re
from collections.abc import Mapping

from chalice.app import Request

from chalicelib.settings import Settings

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9$._~+!*'()-]+)+")


class _Public:
    """What `bind` sets."""

    url: str


def bind(settings: Settings) -> None:
    """Sets the scheme and host at which clients reach the API; "" means those of the request."""
    _Public.url = settings.public_url


def located(request: Request, ident: int) -> Mapping[str, str]:
    """The header Location of what a POST created."""
    return {"Location": f"{_prefix(request)}{request.path}/{ident}"}


def absolute(request: Request, path: str) -> str:
    """The URL of a path of the API; without scheme and host if the request has no valid Host."""
    return f"{_Public.url or _origin(request)}{_prefix(request)}{path}"


def _prefix(request: Request) -> str:
    """The stage, or the base path of a custom domain, which API Gateway puts before the route."""
    if "stage" not in request.context:
        return ""
    parts = request.context["path"].rstrip("/").split("/")
    prefix = "/".join(parts[: len(parts) - request.path.count("/")])
    return prefix if _PREFIX.fullmatch(prefix) else ""


def _origin(request: Request) -> str:
    if domain := request.context.get("domainName"):
        return f"https://{domain}"
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        return ""
    scheme = request.headers.get("x-forwarded-proto", "").lower()
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}"


bind(Settings.from_environ(os.environ))
