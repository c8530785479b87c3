"""The whole description: https://spec.openapis.org/oas/v3.1.1.html"""

import json
import tomllib
from pathlib import Path
from typing import Any

from apispec import APISpec

import app  # noqa: F401 (completes ENDPOINTS)
from billet.openapi import common, schemas
from billet.openapi.operations import operation
from chalicelib.api.endpoint import ENDPOINTS, Endpoint

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
ABOUT = """\
Users, tasks, and who does what.

Every error is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with
`"success": false` in it; where a field is wrong, `detail` begins with its name. A path that is none
is a 404, a method that the path has not is a 405 with `Allow`.
A list gives a page; where there is more, the header `Link` leads on ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
A body is JSON in UTF-8, of up to 256 KiB. Fields and parameters that are not described are refused.
"""
SERVERS = [{"url": "..", "description": "Where this description comes from, behind any stage."}]

TAGS = {
    "users": "Users, and the tasks that each has.",
    "tasks": "Tasks, and who has them.",
    "health": "Whether the API can do its work.",
    "docs": "What the API says of itself.",
}


def described() -> list[Endpoint]:
    """The endpoints of the API; the page that shows its description is not among them."""
    return [endpoint for endpoint in ENDPOINTS if endpoint.path.startswith("/v1/")]


def text() -> str:
    """The description as it is served."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def build() -> dict[str, Any]:
    """The description of all endpoints."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    spec = APISpec(
        title="Billet Tasks",
        version=project["version"],
        openapi_version="3.1.1",
        info={
            "description": ABOUT,
            "license": {"name": project["license"], "identifier": project["license"]},
        },
        servers=SERVERS,
        tags=[{"name": name, "description": said} for name, said in TAGS.items()],
    )
    endpoints = described()
    bodies = schemas.collect(endpoints)
    _add_components(spec, bodies.components)
    for endpoint in endpoints:
        found = operation(endpoint, bodies)
        spec.path(path=endpoint.path, operations={endpoint.method.lower(): found})
    return spec.to_dict()


def _add_components(spec: APISpec, components: dict[str, Any]) -> None:
    for name, schema in sorted(components.items()):
        spec.components.schema(name, schema)
    for name, header in common.HEADERS.items():
        spec.components.header(name, header)
    for problem in common.PROBLEMS:
        spec.components.response(problem.name, problem.response())
    for name, scheme in common.SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
