"""`python -m billet bench`, for the sections that need no package index."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from billet.benchmark import markdown_report

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "billet", "bench", "--quick", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
    )


@pytest.mark.walk
def test_a_section_prints_its_table_and_writes_it_with_a_picture(
    tmp_path: Path, dynamodb_local_endpoint: str
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is one of requirements-dev.txt")
    found, picture = tmp_path / "bench.json", tmp_path / "bench.png"
    files = ("--json", str(found), "--plot", str(picture))
    done = bench("lanes", "cost", "--endpoint", dynamodb_local_endpoint, *files)
    assert done.returncode == 0, done.stderr
    assert "a page of 50" in done.stdout
    by_lanes, costs, prices = json.loads(found.read_text())["tables"]
    assert [row[by_lanes["columns"].index("calls")] for row in by_lanes["rows"]] == [1, 4, 16]
    units = {row[0]: row[2:5] for row in costs["rows"]}
    assert dict(prices["rows"])["write unit"] == 0.625
    assert units["GET task"] == [1, 0, 0]
    assert units["POST task"] == [0, 7, 0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "| GET task | 1 | 1.00 |" in markdown_report.document(json.loads(found.read_text()))


def test_an_unreachable_endpoint_is_a_one_line_error() -> None:
    ended = bench("cost", "--endpoint", "http://127.0.0.1:9")
    message = 'Error: Could not connect to the endpoint URL: "http://127.0.0.1:9/"'
    assert (ended.returncode, ended.stderr.strip()) == (1, message)
