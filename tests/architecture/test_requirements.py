"""The requirements files and the table of settings agree with the code."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chalicelib.settings import Settings

ROOT = Path(__file__).parents[2]
INJECTED = {"chalice"}
"""The packages that `billet package` itself adds to the zip."""
FILES = (
    "requirements.in",
    "requirements-serve.in",
    "requirements-memory.in",
    "requirements-test.in",
    "requirements-dev.in",
)
REFUSING = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1:])
import billet.cli, billet.serve.run
import billet.cli.migrate, billet.cli.seed, billet.cli.doctor, billet.cli.tokens
import billet.serve.command
from click.testing import CliRunner
helped = CliRunner().invoke(billet.cli.main, ["--help"])
assert helped.exit_code == 0 and "needs libraries that are not installed" in helped.output, helped
refused = CliRunner().invoke(billet.cli.main, ["bench", "--quick"])
assert refused.exit_code == 1 and "is not installed; do:" in refused.output, refused.output"""
SERVED = {"offapi"}
"""Packages whose files are served and whose code is not imported."""


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def imported(*places: str) -> set[str]:
    """Return the distributions that the modules in these places import, without our own."""
    files = [file for place in places for file in (ROOT / place).rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names = plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    known = packages_distributions()
    roots = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    return {known[root][0].lower() for root in roots if root in known} - {"billet-tasks"}


def test_the_lambda_requirements_are_exactly_its_imports() -> None:
    needed = {requirement.name for requirement in requirements("requirements.in")}
    assert needed == imported("chalicelib") - INJECTED | SERVED


def test_imports_of_commands_and_tests_are_required_by_name() -> None:
    needed = {requirement.name for file in FILES for requirement in requirements(file)}
    assert imported("billet", "tests") - needed == set()


def locked(source: str) -> dict[str, list[Requirement]]:
    """Return the locked versions of a requirements file by canonical name."""
    text = (ROOT / source).with_suffix(".txt").read_text().replace("\\\n", " ")
    pins: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if line and line[0] not in "#- ":
            pin = Requirement(line.partition(" --hash")[0])
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def version(pin: Requirement) -> str:
    (exact,) = pin.specifier
    assert exact.operator == "==", pin
    return exact.version


@pytest.mark.parametrize("name", FILES)
def test_each_lock_satisfies_its_requirements(name: str) -> None:
    pins = locked(name)
    for source in FILES[: FILES.index(name) + 1]:
        for requirement in requirements(source):
            found = [version(pin) for pin in pins.get(canonicalize_name(requirement.name), ())]
            assert found, f"{requirement} is not locked: run make lock"
            assert all(one in requirement.specifier for one in found), (requirement, found)


@pytest.mark.parametrize("name", FILES)
def test_each_lock_names_the_extras_that_its_distributions_require(name: str) -> None:
    """pip takes a newer version for an extra that the lock does not name, and refuses its hash."""
    pins = locked(name)
    for distribution in pins:
        for requirement in map(Requirement, requires_if_installed(distribution)):
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                for pin in pins.get(canonicalize_name(requirement.name), ()):
                    assert requirement.extras <= pin.extras, f"{distribution}: {requirement}"


def requires_if_installed(distribution: str) -> Sequence[str]:
    try:
        return requires(distribution) or ()
    except PackageNotFoundError:
        return ()


def test_each_lock_agrees_with_the_lock_it_extends() -> None:
    for below, name in pairwise(FILES):
        above = locked(name)
        for distribution, pins in locked(below).items():
            assert {version(pin) for pin in pins} <= {version(pin) for pin in above[distribution]}


@pytest.mark.parametrize("name", FILES)
def test_locked_versions_have_hashes_and_no_registry(name: str) -> None:
    text = (ROOT / name).with_suffix(".txt").read_text()
    pins = [part for part in re.split(r"\n(?=\S)", text) if part[0] != "#"]
    assert all("--hash=sha256:" in pin for pin in pins)
    assert not re.search(r"https?:|file:|-url|find-links", text)


def test_serving_imports_only_its_requirements() -> None:
    """A separate process rejects every other import."""
    level = FILES[: FILES.index("requirements-serve.in") + 1]
    allowed = {requirement.name.lower() for file in level for requirement in requirements(file)}
    known = packages_distributions()
    brought = {Requirement(line).name for name in allowed for line in requires(name) or ()}
    every = {requirement.name for file in FILES for requirement in requirements(file)}
    others = every - allowed - brought
    modules = [root for root, names in known.items() if {name.lower() for name in names} & others]
    done = subprocess.run(
        [sys.executable, "-c", REFUSING, *modules],
        cwd=ROOT,
        env={**os.environ, "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_each_requirement_excludes_the_next_major_version(name: str) -> None:
    for requirement in requirements(name):
        assert {one.operator for one in requirement.specifier} == {">=", "<"}, requirement


def test_the_table_of_settings_has_each_setting_and_its_default() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    table = text.partition("**API")[2].partition("**`billet serve`")[0]
    rows = re.findall(r"^\| ([A-Z_]+) \| [^|]+ \| (\S+) \|", table, re.MULTILINE)
    fields = msgspec.structs.fields(Settings)
    defaults = {field.encode_name: str(field.default) for field in fields}
    documented = {
        "TABLE_PREFIX": "billet-{STAGE}",
        "AUTH": "off",
        "COGNITO_USER_POOL_ARN": "none",
        "CORS_ORIGINS": "none",
        "PUBLIC_URL": "none",
        "RATE_QUOTA": "1000",
    }
    assert dict(rows) == defaults | documented


def test_compose_passes_each_setting_and_listens_on_localhost_only() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    for field in msgspec.structs.fields(Settings):
        name = field.encode_name
        assert name == "PORT" or f"{name}: ${{{name}:-" in compose, name
    assert re.findall(r'- "(.+):3000"', compose) == ["127.0.0.1:${PORT:-3000}"]
    assert compose.count("restart: unless-stopped") == 2


def test_compose_builds_each_image_and_by_default_the_test_image() -> None:
    compose, dockerfile = (
        (ROOT / name).read_text() for name in ("docker-compose.yml", "Dockerfile")
    )
    assert "target: ${BILLET_IMAGE:-test}" in compose
    stages = re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE)
    assert stages[-2:] == ["serve", "test"]
    serving = dockerfile.partition(" AS serve-packages")[2].partition("FROM")[0]
    assert "-r requirements-serve.txt" in serving
    assert "test" not in serving
