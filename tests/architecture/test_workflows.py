"""The workflows of GitHub Actions: their linters find faults, and what no linter knows.

`make check` runs check-jsonschema and zizmor on the workflows themselves.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.support.workflows import WORKFLOWS, broken

SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")
ZIZMOR = ("zizmor", "--offline", "--quiet")
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
FAULTS = [
    (SCHEMA, "deploy-stage.yml", "id-token: write", "id-token: all"),
    (ZIZMOR, "deploy-stage.yml", '--stage "$STAGE"', "--stage ${{ inputs.stage }}"),
    (ZIZMOR, "ci.yml", "          persist-credentials: false\n", ""),
    (ZIZMOR, "deploy.yml", "permissions: {}", "permissions: write-all"),
    (ZIZMOR, "deploy-stage.yml", re.compile(r"(configure-aws-credentials)@\S+"), r"\1@v4"),
]
"""Linters that are Python packages, each with a replacement in a workflow that it refuses."""


def run(command: Sequence[str], *files: Path) -> subprocess.CompletedProcess[str]:
    """Run a linter of requirements-dev.txt."""
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"{command[0]} is not installed; `make setup` installs it")
    return subprocess.run(
        [program, *command[1:], *files], capture_output=True, text=True, check=False, timeout=240
    )


@pytest.mark.parametrize(("command", "name", "old", "new"), FAULTS)
def test_a_linter_finds_a_fault(
    command: Sequence[str], name: str, old: str | re.Pattern[str], new: str, tmp_path: Path
) -> None:
    done = run(command, broken(name, old, new, tmp_path))
    assert done.returncode != 0, done.stderr
    assert name in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_action_of_others_is_pinned_to_a_commit_beside_its_version(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if "uses: " in line]
    assert [line for line in lines if "uses: ./" not in line and not PINNED.search(line)] == []


def test_all_workflows_use_the_same_commit_of_an_action() -> None:
    pins = {
        tuple(pin)
        for path in WORKFLOWS
        for pin in re.findall(r"uses: ([\w.-]+/[\w./-]+)@(\w+)", path.read_text())
    }
    assert len({name for name, _ in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_permissions_and_each_of_its_jobs_only_what_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        deploys = "stage" in job.get("with", {}) or "environment" in job
        expected = {"contents": "read"} | ({"id-token": "write"} if deploys else {})
        assert job["permissions"] == expected
        assert "secrets" not in job


def test_only_jobs_of_an_environment_get_credentials_and_none_are_stored() -> None:
    for path in WORKFLOWS:
        text = path.read_text()
        assert "secrets." not in text
        for job in yaml.safe_load(text)["jobs"].values():
            uses = [step.get("uses", "") for step in job.get("steps", ())]
            assert any("aws-credentials" in one for one in uses) == ("environment" in job)
