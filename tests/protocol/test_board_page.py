"""The board's page and files: addresses, policy, caching, libraries."""

import gzip
import hashlib
import json
import re
from typing import Any
from urllib.parse import urljoin

import pytest
from chalice.local import LambdaContext

from billet.serve.gateway import Gateway, Request, Response
from chalicelib.app_factory import BilletApp
from chalicelib.domain.task import MAX_ASSIGNEES
from chalicelib.http.fields import MAX_DESC, MAX_NAME
from chalicelib.http.routes import board
from chalicelib.http.routes.static_files import POLICY
from chalicelib.settings import Settings
from tests.conftest import Api

pytestmark = pytest.mark.backend("moto")

SCRIPTS = sorted(name for name in board.KINDS if name.endswith(".js"))
MAX_SCRIPT = 60_000
"""Bytes of all scripts together, compressed."""
LIBRARIES: dict[str, Any] = json.loads((board.FOLDER / "libraries.json").read_text())
SHIPPED = {name: file for one in LIBRARIES.values() for name, file in one["files"].items()}


def page_behind(app: BilletApp, root: str) -> str:
    """Return the page that API Gateway gets at this path of its own."""
    event = {
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": "/",
            "path": root,
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }
    body: str = app(event, LambdaContext("billet", 128))["body"]
    return body


@pytest.mark.parametrize("root", ["/", "/prod", "/prod/"])
def test_the_page_finds_its_files_behind_any_stage(application: BilletApp, root: str) -> None:
    urls = re.findall(r'(?:src|href)="(\./[^"]+)"', page_behind(application, root))
    folder = f"{root.rstrip('/')}/board/{board.version()}/"
    found = {urljoin(f"https://a.example{root}", url).partition("a.example")[2] for url in urls}
    docs = f"{root.rstrip('/')}/docs"
    assert found == {docs, *(folder + name for name in [*SCRIPTS, "board.css"])}


def test_the_page_and_its_scripts_keep_the_policy_of_the_docs(api: Api) -> None:
    page = api("GET", "/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "http:" not in (text := page.body.decode().replace("http://www.w3.org/2000/svg", ""))
    assert not re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=|<base", text)
    for name in SCRIPTS:
        script = (board.FOLDER / name).read_text()
        assert not re.search(r"\beval\(|new Function|innerHTML\s*=\s*`", script), name
        imports = re.findall(r'\bimport\b[^;"]*\bfrom\s*"([^"]*)"', script)
        assert all(one.removeprefix("./") in SCRIPTS for one in imports), name


@pytest.mark.parametrize("name", board.KINDS)
def test_a_file_is_kept_for_as_long_as_its_version_is_served(api: Api, name: str) -> None:
    current = api("GET", f"/board/{board.version()}/{name}")
    assert current.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert current.headers["Content-Type"].startswith(board.KINDS[name])
    assert current.body == (board.FOLDER / name).read_bytes()
    unchanged = api("GET", f"/board/1/{name}", If_None_Match=current.headers["ETag"])
    assert unchanged.status_code == 304
    assert unchanged.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("name", ["none.js", "index.html", "libraries.json", "..%2Fopenapi.json"])
def test_no_other_file_is_served(api: Api, name: str) -> None:
    assert api("GET", f"/board/{board.version()}/{name}").status_code == 404


def test_the_scripts_are_small() -> None:
    sizes = [len(gzip.compress((board.FOLDER / name).read_bytes(), mtime=0)) for name in SCRIPTS]
    assert sum(sizes) < MAX_SCRIPT


def test_every_file_in_the_folder_is_served_or_describes_the_others() -> None:
    files = {path.name for path in board.FOLDER.iterdir()}
    assert files == {*board.KINDS, "index.html", "libraries.json"}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_library_is_the_one_that_was_published(name: str) -> None:
    content = (board.FOLDER / name).read_bytes()
    if "changed" in SHIPPED[name]:
        assert content.count(b'from"./preact.js"') == 1
        content = content.replace(b'from"./preact.js"', b'from"preact"')
    assert hashlib.sha256(content).hexdigest() == SHIPPED[name]["sha256"]


@pytest.mark.parametrize(
    ("docs", "switch", "status"),
    [("on", "on", 200), ("off", "on", 200), ("on", "off", 302), ("off", "off", 404)],
)
def test_the_board_can_be_switched_off(docs: Any, switch: Any, status: int) -> None:
    app = BilletApp(Settings(docs=docs, board=switch))
    gateway = Gateway(app)

    def request(path: str) -> int:
        asked = Request("GET", path, "", {"host": "localhost"}, "127.0.0.1")
        match = gateway.route(asked)
        return (match if isinstance(match, Response) else gateway.respond(asked, match, b"")).status

    assert request("/") == status
    assert request("/board/1/app.js") == (200 if switch == "on" else 404)


def test_the_limits_of_the_form_are_those_of_the_api() -> None:
    script = (board.FOLDER / "tasks.js").read_text()
    found = dict(re.findall(r"^const (MAX_\w+) = (\d+);", script, re.MULTILINE))
    assert found == {
        "MAX_NAME": str(MAX_NAME),
        "MAX_DESC": str(MAX_DESC),
        "MAX_ASSIGNEES": str(MAX_ASSIGNEES),
    }
