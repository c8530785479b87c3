"""What the requirements files and the README say, held against the code."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

from chalicelib.settings import Settings

ROOT = Path(__file__).parents[2]
INJECTED = {"chalice"}
"""What `chalice package` puts into the zip by itself."""
SERVED = {"offapi"}
"""What has no code that is imported, but files that are served."""


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def imported(*places: str) -> set[str]:
    """The distributions that the modules in these places import."""
    files = [file for place in places for file in (ROOT / place).rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names = plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    known = packages_distributions()
    roots = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    return {known[root][0].lower() for root in roots if root in known}


def test_what_runs_in_lambda_requires_just_what_it_imports():
    needed = {requirement.name for requirement in requirements("requirements.txt")}
    assert needed == imported("chalicelib") - INJECTED | SERVED


def test_what_operators_and_tests_import_is_required_by_name():
    files = ("requirements.txt", "requirements-dev.txt")
    needed = {requirement.name for file in files for requirement in requirements(file)}
    assert imported("billet", "tests") - needed == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_each_requirement_has_a_range_that_ends_before_the_next_major_version(name: str):
    for requirement in requirements(name):
        assert {one.operator for one in requirement.specifier} == {">=", "<"}, requirement


def test_the_readme_tells_each_setting_and_its_default():
    rows = re.findall(r"^\| ([A-Z_]+) \| (\S+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    fields = msgspec.structs.fields(Settings)
    defaults = {field.encode_name: str(field.default) for field in fields}
    told = {
        "TABLE_PREFIX": "billet-{STAGE}",
        "AUTH": "off",
        "COGNITO_USER_POOL_ARN": "none",
        "CORS_ORIGINS": "none",
        "PUBLIC_URL": "none",
        "RATE_QUOTA": "1000",
    }
    assert dict(rows) == defaults | told
