"""The program in TypeScript of docs/client.md compiles, and prints what the page says."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
STEP_SECONDS = 120


@pytest.mark.walk
@pytest.mark.backend("moto")
def test_the_typescript_program_prints_the_documented_output(server: str, tmp_path: Path) -> None:
    if not (shutil.which("node") and shutil.which("npx")):
        pytest.skip("Node.js with npm is not installed; the TypeScript client is NOT TESTED")
    section = PAGE.read_text().partition("\n## TypeScript\n")[2].replace("localhost:3000", server)
    [program] = re.findall(r"```typescript\n(.*?)```", section, re.DOTALL)
    (tmp_path / "report.ts").write_text(program)
    *preparing, run = re.findall(r"^\$ (.*)$", section, re.MULTILINE)
    for command in preparing:
        done = shell(command, tmp_path)
        if command.startswith("npm install ") and done.returncode and not os.environ.get("CI"):
            pytest.skip(f"the TypeScript client is NOT TESTED: {done.stderr}")
        assert done.returncode == 0, done
    expected = section.partition(f"$ {run}\n")[2].partition("```")[0]
    assert shell(run, tmp_path).stdout == expected


def shell(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
    )
