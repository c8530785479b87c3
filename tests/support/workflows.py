"""The workflows of GitHub Actions, and copies of them with a fault."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def broken(name: str, old: str | re.Pattern[str], new: str, folder: Path) -> Path:
    """Write a copy of a workflow with a fault."""
    text = (FOLDER / name).read_text()
    changed = old.sub(new, text) if isinstance(old, re.Pattern) else text.replace(old, new)
    assert changed != text
    (folder / ".github" / "workflows").mkdir(parents=True, exist_ok=True)
    copy = folder / ".github" / "workflows" / name
    copy.write_text(changed)
    return copy
