"""The OpenAPI document, /v1/openapi.json, and the page that shows it, /docs.

Files are read by the requests that need them, not at import. All URLs are relative, so they work
behind any stage.
"""

from pathlib import Path

import msgspec
from chalice.app import Request

from chalicelib.http.endpoints import Router
from chalicelib.http.responses import ApiResponse
from chalicelib.http.routes import static_files
from chalicelib.http.routes.static_files import FILES

router = Router()


@router.endpoint("GET", "/v1/openapi.json", role=None)
def get_description() -> ApiResponse[msgspec.Raw]:
    """Get the OpenAPI document.

    Returns this document, in OpenAPI 3.1.
    """
    return static_files.content((FILES / "openapi.json").read_bytes())


@router.endpoint("GET", "/", role=None, status=302)
def show_root(request: Request) -> ApiResponse[msgspec.Raw]:
    """Redirect to the documentation page. Served if the board is off."""
    target = f"{static_files.beside_root(request)}docs"
    return ApiResponse(msgspec.Raw(b""), {"Content-Type": "text/plain", "Location": target})


@router.endpoint("GET", "/docs", role=None)
def show_docs(request: Request) -> ApiResponse[msgspec.Raw]:
    """Get the page that shows the OpenAPI document and sends requests."""
    root = "../" if request.context["path"].endswith("/") else "./"
    return static_files.page("docs.html", root=root)


@router.endpoint("GET", "/docs/start.js", role=None)
def get_start() -> ApiResponse[msgspec.Raw]:
    """Get the script that starts Swagger UI."""
    return static_files.content((FILES / "start.js").read_bytes(), _asset("text/javascript"))


@router.endpoint("GET", "/docs/swagger-ui.js", role=None)
def get_swagger_ui() -> ApiResponse[msgspec.Raw]:
    """Get Swagger UI."""
    script = _swagger_ui("swagger_bundle.js").read_bytes()
    return static_files.content(script, _asset("text/javascript"))


@router.endpoint("GET", "/docs/swagger-ui.css", role=None)
def get_style() -> ApiResponse[msgspec.Raw]:
    """Get the style of the page: Swagger UI's, followed by ours."""
    files = (_swagger_ui("swagger_style.css"), FILES / "docs.css")
    style = b"\n".join(file.read_bytes() for file in files)
    return static_files.content(style, _asset("text/css"))


def _asset(kind: str) -> dict[str, str]:
    return {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "max-age=3600"}


def _swagger_ui(name: str) -> Path:
    """Return a file of Swagger UI. Its package is not imported, because it would read 9 MB."""
    from importlib.metadata import distribution  # takes 20 ms, too long for a cold start

    return Path(str(distribution("offapi").locate_file(f"offapi/{name}")))
