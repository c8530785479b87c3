"""The programs in docs/client.md print what the page says."""

import re
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import today

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
PROGRAM = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.backend("moto")
def test_each_program_prints_the_documented_output(server: str) -> None:
    programs = PROGRAM.findall(PAGE.read_text())
    assert len(programs) > 10
    begun = today()
    names: dict[str, Any] = {}
    with ExitStack() as stack:
        stack.callback(lambda: names["billet"].close())
        for program, expected in programs:
            code = compile(program.replace("localhost:3000", server), PAGE.name, "exec")
            with redirect_stdout(StringIO()) as printed:
                exec(code, names)  # noqa: S102
            output = printed.getvalue()
            for day in {begun, today()}:
                output = output.replace(day, "2026-01-31")
            assert output == expected, program
