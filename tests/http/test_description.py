"""The API's description, against the code that it tells of and the API as it is served."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import ValidationError, convert
from openapi_spec_validator import validate

from billet.openapi import document
from chalicelib.api import texts
from chalicelib.api.docs import FILES
from chalicelib.api.schemas import NewUser
from tests.conftest import Api

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCHEMATHESIS = """
export TOKEN=$(python -m billet token create --name schemathesis --role admin)
schemathesis --config-file tests/http/schemathesis.toml run"""
WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
import app
print(*(file for file in opened if "/static/" in file or "offapi" in file))
"""


def test_the_committed_description_is_what_the_code_declares() -> None:
    hint = "bring it up to date with `python -m billet openapi --write`"
    assert (FILES / "openapi.json").read_text() == document.text(), hint


def test_the_description_is_openapi() -> None:
    validate(document.build())


def test_it_is_served_as_it_is_committed(api: Api) -> None:
    answer = api("GET", "/v1/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == (FILES / "openapi.json").read_bytes()


SPACES = "a \t\n\x1c\x85\xa0\u1680\u2029\u3000\ufeff\u200b\u3164\u0600\u2800"


@given(st.text(SPACES, max_size=9), st.integers(0, 256))
def test_a_username_is_taken_where_it_matches_the_patterns_of_its_description(
    around: str, length: int
) -> None:
    name = around + "a" * length + around[::-1]
    patterns = (texts.PRINTABLE, texts.trimmed_to(254), texts.VISIBLE, texts.ALL_VISIBLE)
    # A newline at the end is what Python's `$` alone lets pass.
    described = "\n" not in name and all(re.search(pattern, name) for pattern in patterns)
    try:
        taken = convert({"username": name}, NewUser).username == name.strip()
    except ValidationError:
        taken = False
    assert taken == described


@pytest.mark.parametrize(("path", "root"), [("/docs", ""), ("/docs/", "../")])
def test_the_page_finds_all_that_it_shows_by_relative_urls(api: Api, path: str, root: str) -> None:
    page = api("GET", path)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (
        "default-src 'none'; script-src 'self'; style-src"
        in page.headers["Content-Security-Policy"]
    )
    html = page.body.decode()
    assert f'<base href="{root or "./"}">' in html
    assets = re.findall(r'(?:src|href)="(docs/[^"]+)"', html)
    kinds = [api("GET", f"/{asset}").headers["Content-Type"] for asset in assets]
    assert [kind.partition(";")[0] for kind in kinds] == ["text/css", *["text/javascript"] * 2]
    assert b"v1/openapi.json" in api("GET", "/docs/start.js").body


def test_a_start_reads_nothing_of_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_schemathesis_finds_nothing_wrong_with_the_served_api(serve, tmp_path: Path) -> None:
    """A tenth of the examples, and a seed as fixed, as Hypothesis's profile has them for a test."""
    # At INFO it would log more than the pipe holds that nobody reads.
    served = serve("--data", str(tmp_path), AUTH="on", LOG_LEVEL="WARNING")
    [export] = re.findall(r"^ +(export .+)$", served.said, re.MULTILINE)
    seed = 1 if settings().derandomize else secrets.randbits(32)
    options = f"--url {served.url} --max-examples {settings().max_examples // 10} --seed {seed}"
    done = subprocess.run(
        ["sh", "-e"],
        input=f"{export}\n{SCHEMATHESIS} {served.url}/v1/openapi.json {options}",
        cwd=ROOT,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 selected / 14 total" in done.stdout
