"""What `billet serve` prints once it serves. Each command in it can be pasted as it is."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from billet.emulators import local_server
from chalicelib.settings import Settings


def lines(url: str, settings: Settings, data: Path) -> Iterator[str]:
    """Yield one line each about the URL, the page of the documentation, and tokens."""
    yield f"Serving {url}; Ctrl-C stops it"
    yield f"Docs: {url}/docs"
    create = f"{_billet(data)} token create --name me --role admin"
    yield f"Token: {create}" if settings.authenticated else "Token: not needed (AUTH is off)"


def _billet(data: Path) -> str:
    """Return the command of this interpreter, as short as it may be from this folder."""
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    words = [str(python), "-m", "billet"]
    if data != local_server.DATA:
        words += ["--data", str(data)]
    return shlex.join(words)
