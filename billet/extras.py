"""How a missing library is installed, from the repository or beside an installed `billet`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def install_command(extra: str) -> str:
    """Tells the command that installs an extra.

    Args:
        extra: its name in pyproject.toml, which is also that of its lock: memory, test or dev.
    """
    lock = ROOT / f"requirements-{extra}.txt"
    wanted = f"-r {lock}" if lock.exists() else f"'billet-tasks[{extra}]'"
    return f"{sys.executable} -m pip install {wanted}"
