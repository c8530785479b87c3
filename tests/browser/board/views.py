"""The views of the board: for each, what shows it on a loaded board with tasks."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.site import Board


def show_board(board: Board, client: Client) -> None:
    expect(board.page.get_by_role("article").first).to_be_visible()


def show_list(board: Board, client: Client) -> None:
    board.page.get_by_title("Show the list (v)").click()
    board.settle()
    expect(board.page.get_by_role("table")).to_be_visible()


def show_filters(board: Board, client: Client) -> None:
    board.page.get_by_role("button", name="Filters").click()
    expect(board.page.get_by_role("region", name="Filters")).to_be_visible()


def show_form(board: Board, client: Client) -> None:
    board.page.get_by_role("main").get_by_role("link").first.click()
    form = board.page.get_by_role("dialog")
    form.get_by_label("Name").fill("")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_be_visible()
    form.get_by_role("combobox", name="Assignees").fill("a")
    expect(form.get_by_role("listbox", name="People")).to_be_visible()


def show_menu(board: Board, client: Client) -> None:
    board.press("ArrowDown", "m")
    expect(board.page.get_by_role("menu")).to_be_visible()


def show_selection(board: Board, client: Client) -> None:
    board.press("ArrowDown", "x")
    expect(board.page.get_by_role("region", name="Selected tasks")).to_be_visible()


def show_conflict(board: Board, client: Client) -> None:
    task = next(client.tasks.list(status=["PENDING"], sort="expires_at"))
    client.tasks.update(task.id, status="CANCELLED", desc="changed")
    board.press("ArrowDown", "Home", "m", "2")
    expect(board.page.get_by_role("dialog", name=re.compile("^Someone"))).to_be_visible()


def show_help(board: Board, client: Client) -> None:
    board.press("?")
    expect(board.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


VIEWS: dict[str, Callable[[Board, Client], None]] = {
    "board": show_board,
    "list": show_list,
    "filters": show_filters,
    "form": show_form,
    "menu": show_menu,
    "help": show_help,
    "selection": show_selection,
    "conflict": show_conflict,
}
