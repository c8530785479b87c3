"""Test modules are independent of each other, and every test checks something."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("test_*.py"))
CHECKS = {"pytest.raises", "pytest.skip"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def imported_tests(tree: ast.Module) -> list[str]:
    """The names of test modules in the imports of a module."""
    return [name for name in imported(tree) if any(part[:5] == "test_" for part in name.split("."))]


def imported(tree: ast.Module) -> Iterator[str]:
    """What a module imports: modules, and names from modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def unchecked_tests(tree: ast.Module) -> list[str]:
    """The names of test functions and methods that cannot fail on a wrong result."""
    functions = (node for node in ast.walk(tree) if isinstance(node, Function))
    return [one.name for one in functions if one.name.startswith("test") and not checks(one)]


def checks(function: Function) -> bool:
    """Whether the function has an assert, or calls one of CHECKS or a helper named assert_*."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in CHECKS or name.rpartition(".")[2].startswith("assert_"):
                return True
    return False


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_module_imports_no_other_and_each_of_its_tests_checks_something(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert imported_tests(tree) == []
    assert unchecked_tests(tree) == []


@pytest.mark.parametrize(
    "source",
    [
        "import tests.unit.test_audit",
        "import tests.unit.test_audit as audit",
        "from tests.unit.test_audit import audit",
        "from tests.unit import test_audit",
        "from . import test_audit",
        "from .test_audit import audit",
        "def test_it():\n from tests.unit import test_audit\n assert test_audit",
    ],
)
def test_an_import_of_a_test_module_is_found(source: str) -> None:
    assert len(imported_tests(ast.parse(source))) == 1


def test_other_imports_are_allowed() -> None:
    source = (
        "import chalice.test\nfrom tests.conftest import Api\nfrom tests.support import servers"
    )
    assert imported_tests(ast.parse(source)) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("call()", ["test_it"]),
        ("checked = assertion()", ["test_it"]),
        ("with suppress(ValueError): call()", ["test_it"]),
        ("assert call()", []),
        ("for one in two:\n  assert one", []),
        ("with pytest.raises(ValueError): call()", []),
        ("pytest.skip('no Java')", []),
        ("assert_same(call())", []),
        ("mock.assert_called_once()", []),
    ],
)
def test_a_test_without_a_check_is_found(body: str, found: list[str]) -> None:
    for source in (f"def test_it():\n {body}", f"async def test_it():\n {body}"):
        assert unchecked_tests(ast.parse(source)) == found
