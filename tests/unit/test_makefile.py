"""What `make` installs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.mark.parametrize("target", ["serve", "setup"])
def test_the_command_and_the_client_are_installed_from_the_folder_and_what_is_locked(
    target: str, tmp_path: Path
) -> None:
    printed = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path}", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    ).stdout.splitlines()
    [editable] = (line for line in printed if line.endswith(" --editable ."))
    assert {"--no-index", "--no-deps", "--no-build-isolation"} < {*editable.split()}
    [locked] = (line for line in printed if "-r requirements-serve.txt" in line)
    assert printed.index(locked) < printed.index(editable)
    assert "\nsetuptools==" in (ROOT / "requirements-serve.txt").read_text()
