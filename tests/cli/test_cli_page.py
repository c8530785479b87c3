"""The session in docs/cli.md, and its picture, are what the commands print."""

import html
import io
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.support.people import Billet

PAGE, PICTURE = (Path(__file__).parents[2] / "docs" / name for name in ("cli.md", "cli.svg"))
HINT = "UPDATE=1 .venv/bin/python -m pytest -n 0 tests/cli/test_cli_page.py writes both anew"
WIDTH = "80"
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2}( \d{4})?( \d\d:\d\d)?")
FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def without_dates(text: str) -> list[str]:
    """Return the words of each line, with one word for each date, whose length varies."""
    return [" ".join(DATE.sub("DATE", line).split()) for line in text.splitlines()]


def words_of(svg: str) -> str:
    """Return the words of a picture without its dates, on whose length the breaks depend."""
    return DATE.sub("DATE", " ".join(html.unescape(re.sub(r"<[^>]+>", " ", svg)).split()))


def transcript(billet: Billet, commands: list[str]) -> Iterator[str]:
    for command in commands:
        yield f"$ {command}\n"
        _, *arguments = shlex.split(command)
        done = billet(*arguments, BILLET_FORCE_TTY=WIDTH, TERM="xterm-256color", NO_COLOR="")
        assert done.exit_code == 0, done.output
        yield done.stdout


def picture(session: str) -> str:
    console = Console(record=True, width=int(WIDTH), file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(session))
    svg = console.export_svg(title="billet", theme=MONOKAI, unique_id="billet")
    return FONT.sub("", svg)


@pytest.mark.backend("moto")
def test_the_session_and_its_picture_are_what_the_commands_print(billet: Billet) -> None:
    page = PAGE.read_text()
    [block] = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    session = "".join(transcript(billet, commands))
    plain = (
        re.sub(r" +$", "", Text.from_ansi(session).plain, flags=re.MULTILINE).rstrip("\n") + "\n"
    )
    svg = picture(session)
    if os.environ.get("UPDATE"):
        PAGE.write_text(page.replace(block, plain))
        PICTURE.write_text(svg)
        block = plain
    assert without_dates(block) == without_dates(plain), HINT
    assert words_of(PICTURE.read_text()) == words_of(svg), HINT
