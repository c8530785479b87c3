"""axe-core finds nothing on the board, in both colour schemes and at both widths."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.data import fill
from tests.browser.board.views import VIEWS

pytestmark = pytest.mark.walk


FITS = """() => document.documentElement.scrollWidth <= innerWidth
  && [...document.querySelectorAll("article")].every((one) => one.scrollWidth <= one.clientWidth)"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_everything_fits(
    open_board: OpenBoard, client: Client, scheme: str, width: int
) -> None:
    fill(client, 24)
    for name, show in VIEWS.items():
        board = open_board(width=width, color_scheme=scheme, reduced_motion="reduce")
        show(board, client)
        found = Axe().run(board.page).response["violations"]
        assert {one["id"]: [node["html"] for node in one["nodes"]] for one in found} == {}, name
        assert board.page.evaluate(FITS), name
