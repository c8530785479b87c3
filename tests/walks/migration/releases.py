"""The previous release and the present code, as commands and servers on one database."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import ROOT, ServerProcess

PREVIOUS = "4a1ef8170e72fedade961008bcf59aa2c65d5a3c"
"""The commit of the previous release."""
COMMAND_SECONDS = 300


class Release(NamedTuple):
    """A release on a database."""

    root: Path
    """The folder of its code."""
    environ: Mapping[str, str]
    """The variables that name the database."""
    options: tuple[str, ...] = ()
    """Options of its `billet serve`."""

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a `billet` command."""
        return subprocess.Popen(
            [sys.executable, "-m", "billet", *arguments],
            cwd=self.root,
            env={**os.environ, **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        """Run a `billet` command that has to succeed, and return its output."""
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=COMMAND_SECONDS)
        finally:
            process.kill()
        assert process.returncode == 0, f"{arguments}: {output}{errors}"
        return output.strip()

    def serve(self) -> ServerProcess:
        return ServerProcess(self.root, self.options, self.environ)


def why_no_previous_release() -> str | None:
    """Why the code of the previous release can't be had here, if so."""
    if not shutil.which("git"):
        return "git is not installed"
    found = subprocess.run(
        ["git", "cat-file", "-e", f"{PREVIOUS}^{{commit}}"], cwd=ROOT, capture_output=True
    )
    return f"no commit {PREVIOUS[:7]} in this folder" if found.returncode else None


def extract_previous_release(folder: Path) -> Path:
    """Write the code of the previous release to the folder, and return the folder."""
    archive = folder / "release.tar"
    subprocess.run(["git", "archive", "--output", archive, PREVIOUS], cwd=ROOT, check=True)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return folder
