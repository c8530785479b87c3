"""Every endpoint and setting is documented, benchmarked and used."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from billet.benchmark import scenarios
from chalicelib.http.idempotency import WriteRequest
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings
from tests.conftest import Bind
from tests.support.bulk_data import add_tasks, add_users

ROOT = Path(__file__).parents[2]


def shape(path: str) -> str:
    """Return the path with the same placeholder for every id."""
    return re.sub(r"{\w*}", "{}", path)


ROW = re.compile(r"^\| ([A-Z, ]+) (/v1/\S+) \| ([a-z, ]+) \| (\d*)", re.MULTILINE)
"""Methods of a path, their roles (one for all, or one for each), and the status."""
DOCUMENTED = [one for one in ENDPOINTS if one.path.startswith("/v1/")]


def rows_of(page: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the method, path, role and status of each endpoint in a page's table."""
    for methods, path, roles, status in ROW.findall(page):
        names, of_all = methods.split(", "), roles.split(", ")
        for method, role in zip(names, of_all * (len(names) // len(of_all)), strict=True):
            yield method, path, role, status


def test_every_write_accepts_idempotency_keys_and_conditions() -> None:
    changing = [one for one in ENDPOINTS if one.method != "GET"]
    assert len(changing) >= 8
    assert [
        one.view.__name__ for one in changing if WriteRequest not in one.parameters.values()
    ] == []


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_each_table_of_endpoints_has_every_endpoint_with_its_role_and_status(page: str) -> None:
    rows = list(rows_of((ROOT / page).read_text()))
    assert sorted((method, shape(path), role) for method, path, role, _ in rows) == sorted(
        (one.method, shape(one.path), one.role or "none") for one in DOCUMENTED
    )
    statuses = {(one.method, shape(one.path)): one.status for one in DOCUMENTED}
    for method, path, _, status in rows:
        assert not status or int(status) == statuses[method, shape(path)]


@pytest.mark.backend("moto")
def test_every_endpoint_that_uses_the_database_is_benchmarked(
    bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = set()

    def note(method: str, resource: str, *arguments: Any, **more: Any) -> Any:
        measured.add((method, shape(resource)))
        return invoke(method, resource, *arguments, **more)

    invoke = scenarios.invoke
    bind()
    add_users(2)
    assigned, unassigned = add_tasks(2)
    monkeypatch.setattr(scenarios, "invoke", note)
    for workload in scenarios.endpoint_workloads(assigned, unassigned).values():
        workload.run(workload.setup())
    endpoints = {(one.method, shape(one.path)) for one in DOCUMENTED}
    assert measured == endpoints - {("GET", "/v1/openapi.json")}


@pytest.mark.parametrize("name", [one.name for one in msgspec.structs.fields(Settings)])
def test_every_setting_is_used(name: str) -> None:
    files = [*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "billet").rglob("*.py")]
    assert any(re.search(rf"\w\.{name}\b", file.read_text()) for file in files)
