"""Nothing runs off a phone's screen, whatever is shown."""

import pytest
from playwright.sync_api import expect

from tests.browser.board.conftest import OpenBoard
from tests.support.servers import Served

pytestmark = pytest.mark.walk

TOO_WIDE = """() => [...document.querySelectorAll("html, button, input, select, .chips")]
  .filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    if (!width || one.closest(".tabs")) return false;  // which are scrolled
    return left < 0 || right > innerWidth || one.scrollWidth > one.clientWidth + 2;
  })
  .map((one) => one.outerHTML.slice(0, 100))"""
ME = 'localStorage.setItem(\'billet.preferences\', \'{"me": {"id": 1, "username": "ann"}}\')'


def test_no_control_runs_off_the_screen_of_a_phone(
    open_board: OpenBoard, guarded_api: tuple[Served, str]
) -> None:
    served, secret = guarded_api
    board = open_board(served.url, width=390, load=False)
    page = board.page
    page.add_init_script(ME)
    page.goto(f"{served.url}/#due=week&assignee=me")
    board.dialog("Sign in").get_by_label("Token").fill(secret)
    board.press("Enter")
    expect(page.get_by_role("button", name="My tasks", pressed=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.evaluate(TOO_WIDE) == [], "header"
    page.get_by_role("button", name="Filters").click()
    panel = page.get_by_role("region", name="Filters")
    assert page.evaluate(TOO_WIDE) == [], "filters"
    panel.get_by_role("button", name="Clear all").click()
    panel.get_by_role("button", name="Show tasks").click()
    expect(panel).to_have_count(0)
    board.settle()

    page.get_by_role("button", name="Add a task to Pending").click()
    page.keyboard.type("by phone")
    board.press("Enter")
    expect(board.card("by phone")).to_be_visible()
    board.saved()
    assert page.evaluate(TOO_WIDE) == [], "quick add"

    page.get_by_title("Show the list (v)").click()
    board.settle()
    page.get_by_role("checkbox", name="Select all tasks").check()
    selection = page.get_by_role("region", name="Selected tasks")
    expect(selection).to_be_visible()
    assert page.evaluate(TOO_WIDE) == [], "selection"
