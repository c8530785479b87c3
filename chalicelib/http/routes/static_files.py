"""What the pages of this API have in common: their policy, their ETags and their relative URLs."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from chalice.app import Request

from chalicelib.http.conditional import content_etag_header
from chalicelib.http.responses import ApiResponse

FILES = Path(__file__).parents[1] / "static"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def page(name: str, **urls: str) -> ApiResponse[msgspec.Raw]:
    """Return an HTML file in which each `{name}` is replaced by a URL."""
    html = (FILES / name).read_text()
    for key, url in urls.items():
        html = html.replace(f"{{{key}}}", url)
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY}
    return content(html.encode(), headers)


def content(body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> ApiResponse[msgspec.Raw]:
    """Return a file's content with its ETag."""
    return ApiResponse(msgspec.Raw(body), {**headers, **content_etag_header(body)})


def beside_root(request: Request) -> str:
    """Return the URL of the folder of `/`, relative to `/`, `/prod/` or `/prod`."""
    _, _, stage = request.context["path"].rpartition("/")
    return f"./{stage}/" if stage else "./"
