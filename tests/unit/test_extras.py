"""Commands for the user to paste."""

import sys
from pathlib import Path

import pytest

from billet import extras


def test_billet_is_named_as_a_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "billet"
    script.touch(0o700)
    monkeypatch.setattr(sys, "argv", [str(script), "serve"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert extras.billet_command() == "billet"
    monkeypatch.setenv("PATH", "")
    assert extras.billet_command() == f"{extras.python()} -m billet"
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "missing" / "billet")])
    assert extras.billet_command() == f"{extras.python()} -m billet"
