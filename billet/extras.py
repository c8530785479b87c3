"""The command that installs a missing library, in the repository or for an installed `billet`."""

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
