"""Filters: what a new task takes from them, what they hide, and which can't be combined."""

import datetime

import pytest
from playwright.sync_api import Locator, expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import Board, only

pytestmark = pytest.mark.walk


def add(board: Board, name: str) -> None:
    board.column("Pending").get_by_role("button", name="Add a task to Pending").click()
    board.page.keyboard.type(name)
    board.press("Enter")


def filters(board: Board) -> Locator:
    board.page.get_by_role("button", name="Filters").click()
    return board.page.get_by_role("region", name="Filters")


@pytest.mark.parametrize("fragment", ["#due=overdue", "#due=range&dueBefore=2020-01-01"])
def test_a_new_task_takes_no_date_of_the_past_and_is_told_to_be_hidden(
    open_board: OpenBoard, client: Client, fragment: str
) -> None:
    board = open_board(fragment=fragment)
    with board.sends("POST"):
        add(board, "now")
    expect(board.says("Added “now”. The filters hide it.")).to_be_visible()
    assert only(client).expires_at is None
    board.press("Escape", "n")
    expect(board.dialog("New task").get_by_label("Due date", exact=True)).to_have_value("")


def test_the_message_names_what_a_new_task_takes_from_the_filters(
    open_board: OpenBoard, client: Client
) -> None:
    ann = client.users.create("ann")
    board = open_board(fragment=f"#due=range&dueBefore=2030-12-24&assignee={ann.id}")
    add(board, "eve")
    said = board.says("Added “eve”, due Tuesday, December 24, 2030, assigned to ann")
    expect(said).to_be_visible()
    expect(board.card("eve")).to_be_visible()
    board.saved()
    assert only(client).expires_at == datetime.date(2030, 12, 24)
    board.press("Escape", "n")
    due = board.dialog("New task").get_by_label("Due date", exact=True)
    expect(due).to_have_value("2030-12-24")


def test_a_message_tells_that_the_search_or_the_filters_hide_a_task(
    open_board: OpenBoard, client: Client
) -> None:
    client.tasks.create("plan")
    board = open_board()
    board.page.get_by_role("searchbox").fill("plan")
    add(board, "other thing")
    expect(board.says("Added “other thing”. The search hides it.")).to_be_visible()
    board.press("Escape")
    board.link("plan").click()
    board.page.get_by_label("Name").fill("another")
    board.press("ControlOrMeta+Enter")
    expect(board.says("Saved “another”. The search hides it.")).to_be_visible()
    board.page.get_by_role("searchbox").fill("")
    expect(board.card("another")).to_be_visible()
    board.link("another").click()
    board.page.get_by_label("Name").fill("plan")
    board.press("ControlOrMeta+Enter")
    expect(board.says("Saved “plan”")).not_to_contain_text("hide")
