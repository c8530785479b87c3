"""Running `chalice package` on a clean copy of the application.

In the repository itself it would also pack the __pycache__ folders that lie about in chalicelib,
and would go on using a zip that it made earlier, even one with a library missing.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from chalice.constants import MISSING_DEPENDENCIES_TEMPLATE

from billet.package import gateway
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CLI = "import sys; from chalice.cli import main; sys.exit(main())"
INCOMPLETE = MISSING_DEPENDENCIES_TEMPLATE.split("%s")[0].strip()


RUNTIMES = ("python3.11", "python3.12", "python3.13")
"""The runtimes of Lambda that the API is made for. A new one can encode replies in another way, see
`chalicelib.http.pages`: add it when the tests pass on that Python."""


class Failed(Exception):
    """`chalice package` did not make a package that can run; the text says why, in one line."""


class Built(NamedTuple):
    """What `chalice package` made, and what for."""

    zip: Path
    template: Path
    runtime: str
    """As Lambda calls it: python3.11."""
    architecture: str


def package(stage: str, scratch: Path) -> Built:
    """Packages a stage within an empty folder.

    Raises:
        Failed: this Python is not one of RUNTIMES, a library can't be had, or the configuration is
            wrong.
    """
    require_runtime(sys.version_info[:2])
    require_repository(ROOT)
    project, out, merge = scratch / "project", scratch / "out", scratch / "merge.json"
    _copy(project)
    merge.write_text(json.dumps(gateway.merge_template(ENDPOINTS, _settings(stage))))
    options = ["--stage", stage, "--merge-template", str(merge), str(out)]
    _run(["--project-dir", str(project), "package", *options])
    function = _function(out / "sam.json")
    return Built(
        out / "deployment.zip", out / "sam.json", function["Runtime"], *function["Architectures"]
    )


def require_runtime(version: tuple[int, ...]) -> None:
    """Refuses a Python, of this major and minor version, whose code Lambda does not run.

    Raises:
        Failed: see RUNTIMES.
    """
    runtime = f"python{version[0]}.{version[1]}"
    if runtime not in RUNTIMES:
        raise Failed(f"{runtime} is not supported on Lambda; run this with {' or '.join(RUNTIMES)}")


def require_repository(root: Path) -> None:
    """Refuses a folder without the configuration of the stages, as where `pip install` puts us.

    Raises:
        Failed: there is no .chalice/config.json.
    """
    if not (root / ".chalice" / "config.json").exists():
        raise Failed("packaging needs the repository: run `python -m billet package` in a clone")


def _settings(stage: str) -> Settings:
    """The settings of the function when it is deployed."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    return Settings.from_environ(config["stages"][stage]["environment_variables"])


def _copy(project: Path) -> None:
    for folder in ("chalicelib", ".chalice"):
        ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
        shutil.copytree(ROOT / folder, project / folder, ignore=ignored)
    for file in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / file, project)


def _run(arguments: list[str]) -> None:
    # The template is the same for all regions of a partition, but chalice wants one named.
    environ = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CLI, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"chalice package failed: {_reason(done.stderr)}")
    if INCOMPLETE in done.stdout:  # for chalice itself this is only a warning
        missing = done.stdout.partition(INCOMPLETE)[2].split("\nYou")[0].split()
        raise Failed(f"no wheel for Lambda of {', '.join(missing)}")


def _reason(stderr: str) -> str:
    """The message of the exception that ends a traceback."""
    reason = stderr.strip().rpartition("\n")[2].partition(": ")[2]
    if reason.startswith("Could not satisfy"):  # pip says this without a network, too
        reason += " (is the package index within reach?)"
    return reason or "it did not say why"


def _function(template: Path) -> dict[str, Any]:
    function: dict[str, Any] = json.loads(template.read_text())["Resources"]["APIHandler"]
    properties: dict[str, Any] = function["Properties"]
    return properties
