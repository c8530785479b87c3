"""The code of this repository, and which commit it is."""

import json
import shutil
import subprocess
from pathlib import Path

from billet.package.errors import PackagingError
from chalicelib.release import FILE, Release, __version__

ROOT = Path(__file__).resolve().parents[2]
PACKAGED = ("app.py", "chalicelib", "requirements.txt", "requirements-serve.txt", "billet/package")
"""What the zip is made from."""


def require_repository() -> None:
    """Require the lock files, which an installation by `pip install` does not have.

    Raises:
        PackagingError: they do not exist.
    """
    if not (ROOT / "requirements.txt").exists():
        raise PackagingError(
            "no requirements.txt: run `python -m billet package` in a clone of the repository"
        )


def release(commit: str | None) -> Release:
    """Return the version, and the commit that last changed what is packaged.

    So a commit that only changes something else, such as the documentation, gives the same zip.

    Args:
        commit: the commit, if git does not know it.
    """
    return Release(__version__, _commit() if commit is None else commit)


def _commit() -> str:
    """Return git's commit, with -dirty if files differ from it; "" without git."""
    found = _git("log", "-1", "--format=%H", "--", *PACKAGED)
    return f"{found}-dirty" if found and _git("status", "--porcelain", "--", *PACKAGED) else found


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def copy(release: Release, folder: Path) -> None:
    """Copy what runs in Lambda, with the file that says which release it is."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=ignored)
    shutil.copy(ROOT / "app.py", folder)
    (folder / "chalicelib" / FILE.name).write_text(json.dumps(release._asdict()) + "\n")
