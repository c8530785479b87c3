"""Every endpoint and setting is documented, benchmarked and used."""

import re
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


DOCUMENTED = {(one.method, shape(one.path)) for one in ENDPOINTS if one.path.startswith("/v1/")}


def test_every_write_accepts_idempotency_keys_and_conditions() -> None:
    changing = [one for one in ENDPOINTS if one.method != "GET"]
    assert len(changing) >= 8
    assert [
        one.view.__name__ for one in changing if WriteRequest not in one.parameters.values()
    ] == []


def test_every_endpoint_is_in_a_table_of_the_documentation() -> None:
    pages = [ROOT / "README.md", ROOT / "docs/api.md"]
    text = "\n".join(page.read_text() for page in pages)
    rows = re.findall(r"^\| `?(GET|POST|PUT|PATCH|DELETE) (/v1/[^\s`|]+)", text, re.MULTILINE)
    assert {(method, shape(path)) for method, path in rows} == DOCUMENTED


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
    assert measured == DOCUMENTED - {("GET", "/v1/openapi.json")}


@pytest.mark.parametrize("name", [one.name for one in msgspec.structs.fields(Settings)])
def test_every_setting_is_used(name: str) -> None:
    files = [*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "billet").rglob("*.py")]
    assert any(re.search(rf"\w\.{name}\b", file.read_text()) for file in files)
