"""The search, the filters, and keys that are typed at once."""

import pytest
from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard

pytestmark = pytest.mark.walk


def test_the_search_finds_assignees_and_says_once_that_nothing_matches(
    open_board: OpenBoard, client: Client
) -> None:
    bob = client.users.create("bob@example.com")
    client.tasks.create("plan", assignees=[bob.id])
    client.tasks.create("other", status="DONE")
    board = open_board()
    page = board.page
    search = page.get_by_role("searchbox")
    search.fill("bob")
    expect(board.card("plan")).to_be_visible()
    expect(board.card("other")).to_have_count(0)
    search.fill("xyz")
    expect(page.get_by_text("No task matches.")).to_have_count(1)
    page.get_by_role("button", name="Clear the search").click()
    expect(board.card("other")).to_be_visible()

    page.get_by_role("button", name="Filters").click()
    panel = page.get_by_role("region", name="Filters")
    panel.get_by_role("button", name="Open", exact=True).click()
    expect(board.column("Done")).to_have_count(0)
    expect(board.card("plan")).to_be_visible()
    panel.get_by_label("Assigned to").select_option("Nobody")
    expect(panel.get_by_label("Order")).to_be_disabled()
    expect(panel.get_by_text("Set by the Assigned to filter")).to_be_visible()
    order = panel.get_by_label("Order").bounding_box()
    clear = panel.get_by_role("button", name="Clear all").bounding_box()
    assert order
    assert clear
    assert abs(order["y"] - clear["y"]) < 30  # pixels: one line
    panel.get_by_label("Assigned to").select_option("Someone…")
    expect(panel.get_by_role("combobox", name="Person")).to_be_focused()


def test_keys_that_follow_a_click_on_plus_are_text(open_board: OpenBoard, client: Client) -> None:
    board = open_board()
    plus = board.column("Pending").get_by_role("button", name="Add a task to Pending")
    focused = plus.evaluate(
        "(one) => Promise.resolve(one.click()).then(() => document.activeElement.tagName)"
    )
    assert focused == "INPUT"
    assert list(client.tasks.list()) == []
