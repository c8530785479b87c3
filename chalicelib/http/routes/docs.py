"""The OpenAPI document, /v1/openapi.json, and the page that shows it, /docs.

Files are read by the requests that need them, not at import. All URLs are relative, so they work
behind any stage.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from chalice.app import Request

from chalicelib.http.conditional import content_etag_header
from chalicelib.http.endpoints import Router
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

router = Router()


@router.endpoint("GET", "/v1/openapi.json", role=None)
def get_description() -> ApiResponse[msgspec.Raw]:
    """Get the OpenAPI document.

    Returns this document, in OpenAPI 3.1.
    """
    return _file_response(FILES / "openapi.json")


@router.endpoint("GET", "/", role=None, status=302)
def show_root(request: Request) -> ApiResponse[msgspec.Raw]:
    """Redirect to the documentation page, by a URL relative to `/`, `/prod/` or `/prod`."""
    _, _, stage = request.context["path"].rpartition("/")
    target = f"./{stage}/docs" if stage else "docs"
    return ApiResponse(msgspec.Raw(b""), {"Content-Type": "text/plain", "Location": target})


@router.endpoint("GET", "/docs", role=None)
def show_docs(request: Request) -> ApiResponse[msgspec.Raw]:
    """Get the page that shows the OpenAPI document and sends requests."""
    page = (FILES / "docs.html").read_text()
    root = "../" if request.context["path"].endswith("/") else "./"
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY}
    return _with_etag(page.replace("{root}", root).encode(), headers)


@router.endpoint("GET", "/docs/start.js", role=None)
def get_start() -> ApiResponse[msgspec.Raw]:
    """Get the script that starts Swagger UI."""
    return _file_response(FILES / "start.js", _asset("text/javascript"))


@router.endpoint("GET", "/docs/swagger-ui.js", role=None)
def get_swagger_ui() -> ApiResponse[msgspec.Raw]:
    """Get Swagger UI."""
    return _file_response(_swagger_ui("swagger_bundle.js"), _asset("text/javascript"))


@router.endpoint("GET", "/docs/swagger-ui.css", role=None)
def get_style() -> ApiResponse[msgspec.Raw]:
    """Get the style of the page: Swagger UI's, followed by ours."""
    files = (_swagger_ui("swagger_style.css"), FILES / "docs.css")
    return _with_etag(b"\n".join(file.read_bytes() for file in files), _asset("text/css"))


def _file_response(path: Path, headers: Mapping[str, str] = NO_HEADERS) -> ApiResponse[msgspec.Raw]:
    return _with_etag(path.read_bytes(), headers)


def _with_etag(content: bytes, headers: Mapping[str, str]) -> ApiResponse[msgspec.Raw]:
    return ApiResponse(msgspec.Raw(content), {**headers, **content_etag_header(content)})


def _asset(kind: str) -> dict[str, str]:
    return {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "max-age=3600"}


def _swagger_ui(name: str) -> Path:
    """Return a file of Swagger UI. Its package is not imported, because it would read 9 MB."""
    from importlib.metadata import distribution  # takes 20 ms, too long for a cold start

    return Path(str(distribution("offapi").locate_file(f"offapi/{name}")))
