"""The README's commands answer as it prints them."""

import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def curl_lines() -> list[tuple[str, str]]:
    lines = "\n".join(CONSOLE.findall(README)).splitlines()
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    return [(line[2:], answer) for line, answer in pairs if line.startswith("$ curl")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_each_curl_line_answers_as_printed(serve):
    served = serve("--db", "memory")
    today = datetime.now(UTC).date().isoformat()
    assert len(curl_lines()) >= 5
    for line, answer in curl_lines():
        command = shlex.split(line.replace("localhost:3000", served.url.removeprefix("http://")))
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert said == answer.replace("2026-01-31", today)
