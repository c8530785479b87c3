"""The board works in a browser. The rest of this folder is in `make walks`."""

import pytest
from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import only


@pytest.mark.backend("moto")
def test_a_task_is_added_and_moved_by_keyboard(open_board: OpenBoard, server: str) -> None:
    url = f"http://{server}"
    board = open_board(url)
    board.press("n")
    expect(board.dialog("New task").get_by_label("Name")).to_be_focused()
    board.page.keyboard.type("Write the report")
    board.press("Enter")
    expect(board.link("Write the report")).to_be_focused()
    board.press("Shift+ArrowRight")
    expect(board.card("Write the report", "In progress")).to_be_visible()
    board.saved()
    with Client(url) as client:
        assert only(client).status == "IN_PROGRESS"
    assert board.visit.complaints == []
    assert board.visit.hosts == {server}
