"""axe-core finds nothing on the board, in both colour schemes and at both widths."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.data import fill
from tests.browser.board.site import Board

pytestmark = pytest.mark.walk


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
    "conflict": show_conflict,
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_board: OpenBoard, client: Client, scheme: str, width: int) -> None:
    fill(client, 24)
    for name, show in VIEWS.items():
        board = open_board(width=width, color_scheme=scheme, reduced_motion="reduce")
        show(board, client)
        found = Axe().run(board.page).response["violations"]
        assert {one["id"]: [node["html"] for node in one["nodes"]] for one in found} == {}, name
        assert board.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
