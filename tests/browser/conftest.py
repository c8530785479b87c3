"""Fixtures with a browser and a server. Without Chromium the tests are skipped."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.conftest import CHROMIUM, NO_CHROMIUM
from tests.support.servers import ROOT, Served

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
WAIT_MS = 60_000
"""More than the longest time after which the board sends a change again."""
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=WAIT_MS)
        yield chromium
        chromium.close()


class Visit:
    """A page with its console messages, requests and responses."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.posts: list[dict[str, str]] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add(urlsplit(request.url).netloc)
        if request.method == "POST":
            self.posts.append(request.headers)


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Open a page; the test sets the width of the screen in pixels."""
    with browser.new_context(viewport={"width": request.param, "height": 800}) as context:
        yield Visit(context)


@pytest.fixture
def behind_stage() -> Iterator[Callable[[str], str]]:
    """Return a function that serves a server under the path /prod, as API Gateway does."""
    proxies = []

    def start(url: str) -> str:
        class Stage(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not self.path.startswith("/prod/"):
                    self.send_error(403)
                    return
                path = self.path.removeprefix("/prod")
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in ("host", "connection", "accept-encoding")
                }
                reply = httpx.request(
                    self.command, url + path, headers=headers, content=body, timeout=60
                )
                self.send_response(reply.status_code)
                for name, value in reply.headers.items():
                    if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.content)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Do not log requests."""

        proxy = ThreadingHTTPServer(("127.0.0.1", 0), Stage)
        proxies.append(proxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{proxy.server_port}/prod"

    yield start
    for proxy in proxies:
        proxy.shutdown()
        proxy.server_close()


@pytest.fixture(scope="module")
def served_once() -> Iterator[Callable[..., Served]]:
    """Return a function that starts servers shared by the tests of a module."""
    started: list[Served] = []

    def start(*arguments: str, **environ: str) -> Served:
        started.append(Served(*arguments, **environ))
        return started[-1]

    yield start
    for served in started:
        served.stop()


@pytest.fixture(scope="module")
def guarded_roles(
    served_once: Callable[..., Served], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Served, Callable[[str], str]]:
    """Start a server with authentication; return it, and a function from a role to a token."""
    data = str(tmp_path_factory.mktemp("data"))
    served = served_once("--db", "memory", "--data", data, AUTH="on")

    def token_of(role: str) -> str:
        create = ["token", "create", "--name", role, "--role", role]
        made = subprocess.run(
            [sys.executable, "-m", "billet", "--data", data, *create],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()

    return served, token_of


@pytest.fixture(scope="module")
def guarded_api(guarded_roles: tuple[Served, Callable[[str], str]]) -> tuple[Served, str]:
    """Start a server with authentication; return it with the token of an editor."""
    served, token_of = guarded_roles
    return served, token_of("editor")
