"""Takes screenshots of the board: `python -m tests.browser.board.screenshots FOLDER`."""

import argparse
import re
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from billet_client import Client
from tests.browser.board.data import fill
from tests.browser.board.site import Board
from tests.browser.board.views import VIEWS
from tests.browser.conftest import FLAGS, Visit
from tests.conftest import CHROMIUM, NO_CHROMIUM
from tests.support.servers import Served

WIDTHS = {1280: 800, 390: 844}
"""Widths and heights in pixels."""


def take(folder: Path) -> None:
    """Write a picture of each view, at each width, in each colour scheme, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    served = Served("--db", "memory")
    try:
        with Client(served.url) as client, sync_playwright() as playwright:
            fill(client, 40)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for width, height in WIDTHS.items():
                for scheme in ("light", "dark"):
                    for name, show in VIEWS.items():
                        context = browser.new_context(
                            viewport={"width": width, "height": height},
                            color_scheme=scheme,
                            reduced_motion="reduce",
                        )
                        board = Board(Visit(context), served.url).open()
                        show(board, client)
                        board.page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
                        context.close()
            browser.close()
    finally:
        served.stop()


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit(NO_CHROMIUM)
    parser = argparse.ArgumentParser(description=re.sub(":.*", ".", str(__doc__)))
    parser.add_argument("folder", type=Path)
    take(parser.parse_args().folder)
