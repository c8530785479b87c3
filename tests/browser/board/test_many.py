"""Ten thousand tasks: a column loads by cursor, and only what is near the screen is in the DOM."""

import pytest
from playwright.sync_api import expect

from chalicelib.settings import Settings
from tests.browser.board.conftest import OpenBoard
from tests.support.bulk_data import add_tasks
from tests.support.servers import Serve

pytestmark = [pytest.mark.walk, pytest.mark.alters_tables, pytest.mark.backend("fastest")]

PENDING, OTHERS = 6_000, 2_000
IN_DOM = 240
"""The most cards or rows in the DOM: four columns of at most 60."""
PAGES = 60


@pytest.mark.parametrize("width", [1280, 390])
def test_ten_thousand_tasks_are_loaded_by_cursor_and_few_are_in_the_dom(
    database: Settings, serve: Serve, open_board: OpenBoard, width: int
) -> None:
    add_tasks(PENDING, at_once=100, name="pending", expires_at="2030-01-01")
    for status in ("IN_PROGRESS", "DONE"):
        add_tasks(OTHERS, at_once=100, name=status, status=status)
    served = serve(TABLE_PREFIX=database.prefix)
    board = open_board(served.url, width=width)
    column = board.column("Pending")
    count, scroller = column.locator("header .count"), column.locator(".scroller")
    for _ in range(PAGES):
        before = count.inner_text()
        assert board.page.get_by_role("article").count() <= IN_DOM
        if "+" not in before:
            break
        scroller.evaluate("(element) => { element.scrollTop = element.scrollHeight }")
        expect(count).not_to_have_text(before)
    expect(count).to_have_text(str(PENDING))

    board.press("ArrowDown", "End")
    last = column.locator(f"[aria-posinset='{PENDING}']").get_by_role("link")
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    assert board.page.get_by_role("article").count() <= IN_DOM
    board.press("Home")
    expect(column.locator("[aria-posinset='1']").get_by_role("link")).to_be_focused()

    board.press("v")
    board.settle()
    rows = board.page.get_by_role("main").get_by_role("link")
    for _ in range(5):
        board.page.locator(".list .scroller").evaluate("(one) => { one.scrollTop = 1e7 }")
        expect(board.page.locator(".ghost")).to_have_count(0)
        assert 0 < rows.count() <= IN_DOM
    assert board.visit.complaints == []
