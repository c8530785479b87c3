"""The tables of endpoints in README.md and docs/api.md agree with the OpenAPI document."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]+) (/v1/\S+) \| (\w+) \| (\d*)", re.MULTILINE)
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
OPERATIONS = {
    (method.upper(), re.sub(r"\{\w+\}", "{id}", path)): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def role_of(operation: dict[str, Any]) -> str:
    roles = [role for scheme in operation["security"] for role in scheme.get("token", ())]
    return roles[0] if roles else "none"


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_the_table_of_endpoints_has_each_role_and_status(page: str) -> None:
    rows = ROW.findall((ROOT / page).read_text())
    assert {(method, path): role for method, path, role, _ in rows} == {
        endpoint: role_of(operation) for endpoint, operation in OPERATIONS.items()
    }
    for method, path, _, status in rows:
        assert not status or status in OPERATIONS[method, path]["responses"]
