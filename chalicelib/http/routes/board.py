"""The board, /, and its files, /board/{version}/{file}.

Files are read by the requests that need them, not at import. All URLs are relative, so they work
behind any stage. The version is the digest of all files, so that a browser may keep a file and
never mixes files of two releases.
"""

import hashlib

import msgspec
from chalice.app import Request

from chalicelib.http.endpoints import Router
from chalicelib.http.problems import HttpProblem
from chalicelib.http.responses import ApiResponse
from chalicelib.http.routes import static_files

FOLDER = static_files.FILES / "board"
_SCRIPT, _STYLE, _TEXT = "text/javascript", "text/css", "text/plain"
KINDS = {
    "board.css": _STYLE,
    "app.js": _SCRIPT,
    "api.js": _SCRIPT,
    "board.js": _SCRIPT,
    "dialogs.js": _SCRIPT,
    "outbox.js": _SCRIPT,
    "storage.js": _SCRIPT,
    "store.js": _SCRIPT,
    "tasks.js": _SCRIPT,
    "preact.js": _SCRIPT,
    "hooks.js": _SCRIPT,
    "htm.js": _SCRIPT,
    "LICENSE.preact.txt": _TEXT,
    "LICENSE.htm.txt": _TEXT,
}
"""The files that are served, and their media types."""
FOREVER = "public, max-age=31536000, immutable"

router = Router()


@router.endpoint("GET", "/", role=None)
def show_board(request: Request) -> ApiResponse[msgspec.Raw]:
    """Get the board."""
    root = static_files.beside_root(request)
    return static_files.page("board/index.html", files=f"{root}board/{version()}", root=root)


@router.endpoint("GET", "/board/{version}/{file}", role=None)
def get_board_file(request: Request) -> ApiResponse[msgspec.Raw]:
    """Get a file of the board. Only the files of the present version may be kept."""
    parameters = request.uri_params or {}
    name = parameters["file"]
    if name not in KINDS:
        raise HttpProblem(404, "path: does not exist")
    kept = {"Cache-Control": FOREVER} if parameters["version"] == version() else {}
    headers = {"Content-Type": f"{KINDS[name]}; charset=utf-8", **kept}
    return static_files.content((FOLDER / name).read_bytes(), headers)


def version() -> str:
    """Return a digest of all files."""
    digest = hashlib.sha256()
    for name in KINDS:
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()[:12]
