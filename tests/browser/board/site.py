"""The board as its tests use it: columns, cards and dialogs by their names."""

import re
from contextlib import AbstractContextManager
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from billet_client import Client, Task
from tests.browser.conftest import Visit

COLUMNS = {"PENDING": "Pending", "IN_PROGRESS": "In progress", "DONE": "Done"}


class Board:
    """A page with the board, in a browser of its own."""

    def __init__(self, visit: Visit, url: str) -> None:
        self.visit = visit
        self.page: Page = visit.page
        self.url = url

    def open(self, fragment: str = "") -> "Board":
        """Load the board and wait until no column is loading."""
        self.page.goto(f"{self.url}/{fragment}")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until the lists are loaded, and no change waits."""
        expect(self.page.locator("main")).to_be_visible()
        expect(self.page.locator(".ghost, [aria-busy=true]")).to_have_count(0)

    def saved(self) -> None:
        """Wait until the API has each change of a card that is shown."""
        expect(self.page.get_by_text(re.compile("^(Saving|Waiting)$"))).to_have_count(0)

    def keep_messages(self) -> None:
        """Keep the messages until they are replaced, as with the pointer on them."""
        self.page.locator(".toasts").dispatch_event("mouseenter")

    def sends(self, method: str) -> AbstractContextManager[object]:
        """Wait, at the end of the block, for the response to a request with this method."""
        return self.page.expect_response(lambda response: response.request.method == method)

    def answer(self, method: str, **reply: Any) -> None:
        """Answer requests for a task with this method in place of the API."""

        def answer(route: Route) -> None:
            if route.request.method == method:
                route.fulfill(**reply)
            else:
                route.continue_()

        self.page.route("**/v1/tasks/*", answer)

    def column(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def card(self, name: str, column: str | None = None) -> Locator:
        within = self.column(column) if column else self.page
        return within.get_by_role("article", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """Return what opens a card, and has the keyboard."""
        return self.page.get_by_role("link", name=name, exact=True)

    def dialog(self, name: str) -> Locator:
        return self.page.get_by_role("dialog", name=name, exact=True)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def says(self, text: str) -> Locator:
        """Return the message with a text."""
        return self.page.get_by_role("status").filter(has_text=text)


def only(client: Client) -> Task:
    """Return the task, if there is exactly one."""
    [task] = client.tasks.list()
    return task
