"""The commands in README.md and docs/api.md print what the pages say."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import today
from tests.support.servers import Serve

ROOT = Path(__file__).parents[2]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
README, API = (CONSOLE.findall((ROOT / page).read_text()) for page in ("README.md", "docs/api.md"))
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def curl_lines(block: str) -> list[tuple[str, str]]:
    lines = block.splitlines()
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    return [(line[2:], response) for line, response in pairs if line.startswith("$ curl")]


@pytest.mark.parametrize("blocks", [README, API], ids=["README.md", "docs/api.md"])
def test_each_curl_command_prints_the_documented_output(serve: Serve, blocks: list[str]) -> None:
    served = serve("--db", "memory")
    begun = today()
    lines = [line for block in blocks if "$TOKEN" not in block for line in curl_lines(block)]
    assert len(lines) >= 5
    for line, response in lines:
        command = shlex.split(line.replace("localhost:3000", served.url.removeprefix("http://")))
        output = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=240
        ).stdout
        output = TIME.sub("2026-01-31T12:00:00Z", output)
        for day in {begun, today()}:
            output = output.replace(day, "2026-01-31")
        assert output == response + "\n"


def test_the_authentication_walkthrough_prints_the_documented_output(
    serve: Serve, user_environment: dict[str, str], tmp_path: Path
) -> None:
    assert "$ AUTH=on make serve\n" in API
    served = serve("--db", "memory", "--data", str(tmp_path), AUTH="on")
    [block] = (block for block in API if "$TOKEN" in block)
    typed = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    script = "\n".join(typed)
    billet = f"{shlex.quote(sys.executable)} -m billet"
    script = script.replace(".venv/bin/python -m billet", f"{billet} --data {tmp_path}")
    script = script.replace("localhost:3000", served.url.removeprefix("http://"))
    ran = subprocess.run(
        ["sh", "-e"],
        input=script,
        cwd=ROOT,
        env=user_environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.stdout.splitlines() == [response for _, response in curl_lines(block)]
    assert re.fullmatch(
        r"Database: .+\n[0-9a-f]{16} me: editor, .+ it is not shown again\.\n", ran.stderr
    )
