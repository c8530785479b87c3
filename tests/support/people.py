"""The commands of people, run in this process against a server in this process."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import keyring
import pytest
from click.testing import CliRunner, Result
from keyring.backends.fail import Keyring as NoKeyring

from billet.cli import main
from tests.support.servers import ROOT

WIDE = "120"
"""Columns of the terminal that tests give to the commands."""


class Billet:
    """Runs `billet` for one user with their own home, on a server that responds.

    Args:
        url: the server.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *arguments: str, stdin: str = "", **environ: str) -> Result:
        """Run a command in a pipe."""
        variables = {"BILLET_URL": self.url, **environ}
        return CliRunner().invoke(
            main,
            arguments,
            input=stdin,
            env=variables,
            prog_name="billet",
            catch_exceptions=False,
        )

    def lines(self, *arguments: str, **environ: str) -> list[str]:
        """Run a command that succeeds in a pipe, and return what it prints."""
        done = self(*arguments, **environ)
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        return done.stdout.splitlines()

    def on_terminal(self, *arguments: str, **environ: str) -> str:
        """Return what a command that succeeds prints on a terminal without colours."""
        done = self(*arguments, BILLET_FORCE_TTY=WIDE, NO_COLOR="1", TERM="dumb", **environ)
        assert done.exit_code == 0, done.output
        return done.stdout

    def answering(self, answers: str, *arguments: str, **environ: str) -> "Result":
        """Run a command whose standard input is a terminal on which the answers are typed."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answers.encode())
            done = subprocess.run(
                [sys.executable, "-m", "billet", *arguments],
                stdin=theirs,
                capture_output=True,
                cwd=ROOT,
                env={**os.environ, "BILLET_URL": self.url, **environ},
                timeout=60,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        return Result(
            CliRunner(),
            done.stdout,
            done.stderr,
            done.stdout + done.stderr,
            None,
            done.returncode,
            None,
        )

    def json(self, *arguments: str) -> Any:
        """Return the document that a command prints."""
        [line] = self.lines(*arguments, "--json")
        return json.loads(line)

    def error(self, *arguments: str, **environ: str) -> str:
        """Return the one line in which a command says why it failed."""
        done = self(*arguments, **environ)
        assert done.exit_code == 1, done.output
        assert done.stdout == ""
        [line] = done.stderr.splitlines()
        return line.removeprefix("Error: ")

    def misuse(self, *arguments: str, **environ: str) -> str:
        """Return the last line of the error of a command that is used wrongly."""
        done = self(*arguments, **environ)
        assert done.exit_code == 2, done.output
        assert done.stdout == ""
        return done.stderr.splitlines()[-1].removeprefix("Error: ")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home without a keyring and without variables of the commands."""
    for name in ("BILLET_URL", "BILLET_TOKEN", "BILLET_USER", "BILLET_FORCE_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    return tmp_path


@pytest.fixture
def billet(server: str, home: Path) -> Billet:
    """Return a function that runs `billet` against a server with fresh tables."""
    return Billet(f"http://{server}")
