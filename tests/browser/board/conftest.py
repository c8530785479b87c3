"""A server with an empty board, and browsers that open it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from billet_client import Client
from tests.browser.board.site import Board
from tests.browser.conftest import Visit
from tests.support.servers import Served

OpenBoard = Callable[..., Board]
STILL = """{
const start = window.setTimeout;
window.setTimeout = (run, ms, ...more) => start(run, ms >= 5000 ? 2 ** 31 - 1 : ms, ...more);
}"""
"""Makes waits of 5 s and more endless."""


@pytest.fixture(scope="module")
def site(served_once: Callable[..., Served]) -> Served:
    """Start a server with a database in memory."""
    return served_once("--db", "memory")


@pytest.fixture
def client(site: Served) -> Iterator[Client]:
    """Return a client of the server, which has no tasks and no users."""
    with Client(site.url) as client:
        for task in list(client.tasks.list()):
            client.tasks.delete(task.id)
        for user in list(client.users.list()):
            client.users.delete(user.id)
        yield client


@pytest.fixture
def open_board(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenBoard]:
    """Return a function that opens the board in a browser of its own.

    It takes the URL (by default that of `site`), the fragment, the width, and the options of a
    context of Playwright. Unless `still` is false, the page does nothing that depends on how long
    the test takes: messages stay, a delete is not sent before it can be undone, and no poll starts.
    """
    with ExitStack() as stack:

        def start(
            url: str = "",
            fragment: str = "",
            width: int = 1280,
            load: bool = True,
            still: bool = True,
            **options: Any,
        ) -> Board:
            viewport = {"width": width, "height": 800}
            context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
            stack.callback(context.close)
            # Chromium intercepts no request that begins just after the first `route` of a page.
            context.route("**/nothing", lambda route: route.abort())
            if still:
                context.add_init_script(STILL)
            board = Board(Visit(context), url or request.getfixturevalue("site").url)
            return board.open(fragment) if load else board

        yield start
