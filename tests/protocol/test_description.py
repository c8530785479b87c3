"""The OpenAPI document agrees with the code and with the running API."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import re2
from chalice.local import LambdaContext
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import ValidationError, convert
from openapi_spec_validator import validate as assert_valid_openapi
from pydantic_core import SchemaValidator, core_schema

from billet.openapi import document
from chalicelib.app_factory import BilletApp
from chalicelib.domain.token import ROLES
from chalicelib.http import text_rules
from chalicelib.http.routes.static_files import FILES
from chalicelib.http.schemas import NewTask, NewUser, WholeTask
from tests.conftest import Api
from tests.support.servers import Serve

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCHEMATHESIS = {
    "on": """
export TOKEN=$(python -m billet --data "$DATA" token create --name schemathesis --role admin)
schemathesis --config-file tests/protocol/schemathesis.toml run""",
    "off": """
sed '/^.auth/,$d' tests/protocol/schemathesis.toml > "$DATA/schemathesis.toml"
schemathesis --config-file "$DATA/schemathesis.toml" run --phases fuzzing""",
}
"""By AUTH. If it is off, no token is sent and only the fuzzing phase runs."""
WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
import app
print(*(file for file in opened if "/static/" in file or "offapi" in file))
"""


def test_the_committed_description_matches_the_code() -> None:
    hint = "bring it up to date with `python -m billet openapi --write`"
    assert (FILES / "openapi.json").read_text() == document.text(), hint


def test_the_description_is_openapi() -> None:
    assert_valid_openapi(document.build())


def test_the_served_description_is_the_committed_one(api: Api) -> None:
    response = api("GET", "/v1/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    assert response.body == (FILES / "openapi.json").read_bytes()


SPACES = "a \t\n\x1c\x85\xa0\u1680\u2029\u3000\ufeff\u200b\u3164\u0600\u2800"


@given(st.text(SPACES, max_size=9), st.integers(0, 256))
def test_a_username_is_valid_if_it_matches_the_described_patterns(around: str, length: int) -> None:
    name = around + "a" * length + around[::-1]
    patterns = (
        text_rules.PRINTABLE,
        text_rules.trimmed_to(254),
        text_rules.VISIBLE,
        text_rules.ALL_VISIBLE,
    )
    # Only Python's `$` matches before a trailing newline.
    described = "\n" not in name and all(re.search(pattern, name) for pattern in patterns)
    try:
        taken = convert({"username": name}, NewUser).username == name.strip()
    except ValidationError:
        taken = False
    assert taken == described


def patterns(node: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the location and the text of every pattern in a document."""
    if isinstance(node, dict):
        if isinstance(found := node.get("pattern"), str):
            yield place, found
        for name, part in node.items():
            yield from patterns(part, f"{place}/{name}")
    elif isinstance(node, list):
        for number, part in enumerate(node):
            yield from patterns(part, f"{place}/{number}")


PATTERNS = {pattern: place for place, pattern in patterns(document.build())}


@pytest.mark.parametrize("pattern", PATTERNS, ids=list(PATTERNS.values()))
def test_each_pattern_means_the_same_to_python_re2_and_rust(pattern: str) -> None:
    """Generated clients use the patterns: Go with RE2, pydantic with Rust's regex."""
    schema = core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
    rust = SchemaValidator(schema)
    for text in (
        "",
        "a",
        " a ",
        "\u3000a\u1680",
        "\u3000",
        "a\x1f",
        "a" * 300,
        '"1"',
        "/a/1",
        "<?a>",
    ):
        found = bool(re.search(pattern, text))
        assert bool(re2.search(pattern, text)) == found, text
        assert rust.isinstance_python(text) == found, text
    assert not re.search(r"\\[uUpPdDwWbBZAz]|\(\?", pattern), "ECMA 262 reads this in another way"


def test_a_trailing_newline_is_a_control_character() -> None:
    for kind, name in ((NewTask, "name"), (WholeTask, "name"), (NewUser, "username")):
        with pytest.raises(ValidationError):
            convert(
                {"desc": "", "status": "DONE", name: "a\n"} if kind is WholeTask else {name: "a\n"},
                kind,
            )


def test_each_operation_has_a_description() -> None:
    described = document.build()
    operations = [one for path in described["paths"].values() for one in path.values()]
    summaries = [one["summary"] for one in operations]
    assert len(set(summaries)) == len(summaries) == len(document.documented_endpoints())
    for one in operations:
        assert one["description"].partition("\n")[0].endswith("."), one["operationId"]
        assert all(parameter["description"] for parameter in one["parameters"])


def test_no_request_header_has_an_example() -> None:
    operations = [one for path in document.build()["paths"].values() for one in path.values()]
    headers = [each for one in operations for each in one["parameters"] if each["in"] == "header"]
    assert headers
    assert not [one for one in headers if {"example", "examples"} & {*one, *one["schema"]}]


def test_a_token_is_optional_in_the_description() -> None:
    for path in document.build()["paths"].values():
        for one in path.values():
            assert one["security"] in ([], *([{"token": [role]}, {}] for role in ROLES))


@pytest.mark.settings(board="off")
@pytest.mark.parametrize("stage", ["", "/prod"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_root_redirects_to_the_docs_behind_any_stage(
    application: BilletApp, stage: str, slash: str
) -> None:
    root = f"{stage}{slash}" or "/"
    event = {
        "httpMethod": "GET",
        "path": "/",
        "resource": "/",
        "headers": {},
        "multiValueHeaders": {},
        "pathParameters": None,
        "multiValueQueryStringParameters": None,
        "body": None,
        "isBase64Encoded": False,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": "/",
            "path": root,
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }
    reply = application(event, LambdaContext("billet", 128))
    location = {**reply["headers"], **reply["multiValueHeaders"]}["Location"]
    assert reply["statusCode"] == 302
    assert urljoin(f"https://a.example{root}", location) == f"https://a.example{stage}/docs"


@pytest.mark.settings(auth="on", board="off")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_redirects_to_the_docs_without_a_token(server: str, method: str) -> None:
    reply = httpx.request(method, f"http://{server}/")
    assert (reply.status_code, reply.headers["Location"]) == (302, "./docs")
    assert httpx.get(f"http://{server}/", follow_redirects=True).url.path == "/docs"


@pytest.mark.parametrize(("path", "root"), [("/docs", "./"), ("/docs/", "../")])
def test_the_docs_page_uses_relative_urls(api: Api, path: str, root: str) -> None:
    page = api("GET", path)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (
        "default-src 'none'; script-src 'self'; style-src"
        in page.headers["Content-Security-Policy"]
    )
    html = page.body.decode()
    assert "<base" not in html, "it would take the page's own address away"
    assets = re.findall(rf'(?:src|href)="{re.escape(root)}(docs/[^"]+)"', html)
    kinds = [api("GET", f"/{asset}").headers["Content-Type"] for asset in assets]
    assert [kind.partition(";")[0] for kind in kinds] == ["text/css", *["text/javascript"] * 2]
    assert b"v1/openapi.json" in api("GET", "/docs/start.js").body


def test_startup_does_not_read_the_docs_files() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert done.stdout == "\n"


@pytest.mark.walk
@pytest.mark.parametrize("auth", SCHEMATHESIS)
def test_schemathesis_finds_nothing_wrong_with_the_served_api(
    serve: Serve, user_environment: dict[str, str], tmp_path: Path, auth: str
) -> None:
    """Each phase runs a twentieth of the examples of the Hypothesis profile, with its seed."""
    # At INFO the log would fill the pipe, which nobody reads.
    served = serve("--data", str(tmp_path), AUTH=auth, LOG_LEVEL="WARNING")
    seed = 1 if settings().derandomize else secrets.randbits(32)
    options = f"--url {served.url} --max-examples {settings().max_examples // 20} --seed {seed}"
    done = subprocess.run(
        ["sh", "-e"],
        input=f"{SCHEMATHESIS[auth]} {served.url}/v1/openapi.json {options}",
        cwd=ROOT,
        env={
            **user_environment,
            "DATA": str(tmp_path),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": ".",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(document.documented_endpoints()) - 1  # not the document itself
    assert f"{count} selected / {count} total" in done.stdout
