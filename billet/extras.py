"""Commands for the user to paste: how `billet` was started, and how a library is installed."""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def install_command(extra: str) -> str:
    """Return the pip command that installs an extra of pyproject.toml.

    Args:
        extra: memory, test or dev; its lock file is requirements-{extra}.txt.
    """
    lock = ROOT / f"requirements-{extra}.txt"
    requirement = f"-r {lock}" if lock.exists() else f"'billet-tasks[{extra}]'"
    return f"{sys.executable} -m pip install {requirement}"


def python() -> str:
    """Return the path of this Python, relative to the working folder if it is in it."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def billet_command() -> str:
    """Return `billet` as it was started: the script if it is on PATH, or this Python with -m."""
    script = Path(sys.argv[0])
    found = shutil.which("billet") if script.name == "billet" else None
    return (
        "billet" if found and Path(found).resolve() == script.resolve() else f"{python()} -m billet"
    )
