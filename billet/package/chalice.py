"""Run `chalice package` on a clean copy of the application.

In the repository, it would also pack the `__pycache__` folders of chalicelib, and would use an
earlier zip again, even one without some library.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from chalice.constants import MISSING_DEPENDENCIES_TEMPLATE

from billet.package import api_gateway
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CLI = "import sys; from chalice.cli import main; sys.exit(main())"
INCOMPLETE = MISSING_DEPENDENCIES_TEMPLATE.split("%s")[0].strip()


RUNTIMES = ("python3.11", "python3.12", "python3.13")
"""The supported runtimes of Lambda. A new one can encode responses in another way, see
`chalicelib.http.pages`. Add it when the tests pass on that Python."""


class PackagingError(Exception):
    """There is no package that can run. The text is one line."""


class Built(NamedTuple):
    """The files that `chalice package` has made, and their target."""

    zip: Path
    template: Path
    runtime: str
    """Lambda's name for it, python3.11."""
    architecture: str


def package(stage: str, scratch: Path) -> Built:
    """Package a stage in an empty folder.

    Raises:
        PackagingError: this Python is not in RUNTIMES, a library has no wheel for Lambda, or
            chalice fails.
    """
    require_runtime(sys.version_info[:2])
    require_repository(ROOT)
    project, out, merge = scratch / "project", scratch / "out", scratch / "merge.json"
    _copy(project)
    merge.write_text(json.dumps(api_gateway.merge_template(ENDPOINTS, _settings(stage))))
    options = ["--stage", stage, "--merge-template", str(merge), str(out)]
    _run(["--project-dir", str(project), "package", *options])
    function = _function(out / "sam.json")
    return Built(
        out / "deployment.zip", out / "sam.json", function["Runtime"], *function["Architectures"]
    )


def require_runtime(version: tuple[int, ...]) -> None:
    """Require a Python whose major and minor version is in RUNTIMES.

    Raises:
        PackagingError: it is not.
    """
    runtime = f"python{version[0]}.{version[1]}"
    if runtime not in RUNTIMES:
        raise PackagingError(f"{runtime} is not a supported runtime: use {' or '.join(RUNTIMES)}")


def require_repository(root: Path) -> None:
    """Require the stages' configuration, which an installation by `pip install` does not have.

    Raises:
        PackagingError: there is no .chalice/config.json.
    """
    if not (root / ".chalice" / "config.json").exists():
        raise PackagingError(
            "no .chalice/config.json: run `python -m billet package` in a clone of the repository"
        )


def _settings(stage: str) -> Settings:
    """Return the settings of the deployed function."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    return Settings.from_environ(config["stages"][stage]["environment_variables"])


def _copy(project: Path) -> None:
    for folder in ("chalicelib", ".chalice"):
        ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
        shutil.copytree(ROOT / folder, project / folder, ignore=ignored)
    for file in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / file, project)


def _run(arguments: list[str]) -> None:
    # chalice needs a region, although the template is the same for all regions of a partition.
    environ = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CLI, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackagingError(f"chalice package failed: {_reason(done.stderr)}")
    if INCOMPLETE in done.stdout:  # only a warning for chalice
        missing = done.stdout.partition(INCOMPLETE)[2].split("\nYou")[0].split()
        raise PackagingError(f"no wheel for Lambda: {', '.join(missing)}")


def _reason(stderr: str) -> str:
    """Return the message of the exception at the end of a traceback."""
    reason = stderr.strip().rpartition("\n")[2].partition(": ")[2]
    if reason.startswith("Could not satisfy"):  # also what pip says without a network
        reason += " (is the package index reachable?)"
    return reason or "it gave no reason"


def _function(template: Path) -> dict[str, Any]:
    function: dict[str, Any] = json.loads(template.read_text())["Resources"]["APIHandler"]
    properties: dict[str, Any] = function["Properties"]
    return properties
