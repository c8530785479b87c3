"""The OpenAPI document: https://spec.openapis.org/oas/v3.1.1.html"""

import json
from typing import Any

from apispec import APISpec

from billet import __version__
from billet.openapi import common, schemas
from billet.openapi.operations import operation
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS

LICENSE = "MIT"
ABOUT = """\
Create users and tasks, and assign tasks to users.

**Errors** are `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with
`"success": false`. If a field is wrong, `detail` begins with its name. An unknown path is a 404. A
method that the path does not have is a 405 with `Allow`.

**Lists** return pages. If there are more results, the response has a `Link: <…>; rel="next"` header
([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).

**Bodies** are JSON in UTF-8, up to 256 KiB. Unknown fields and parameters are a 400.

**Tokens** are required in every stage; in the stage local only if AUTH is on.
"""
SERVERS = [{"url": "..", "description": "The server and stage that served this document."}]

TAGS = {
    "users": "Users, and the tasks of each user.",
    "feeds": "The feed of a user's tasks, to which calendar programs subscribe.",
    "tasks": "Tasks, and their assignment to users.",
    "health": "The health of the API.",
    "docs": "The description of the API.",
}


def documented_endpoints() -> list[Endpoint]:
    """Return all endpoints but `/` and those of the documentation page."""
    return [endpoint for endpoint in ENDPOINTS if endpoint.path.startswith("/v1/")]


def text() -> str:
    """Return the document in ASCII, because editors do not show some characters of its patterns."""
    return json.dumps(build(), indent=1) + "\n"


def build() -> dict[str, Any]:
    """Return the document."""
    spec = APISpec(
        title="Billet Tasks",
        version=__version__,
        openapi_version="3.1.1",
        info={
            "description": ABOUT,
            "license": {"name": LICENSE, "identifier": LICENSE},
        },
        servers=SERVERS,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    endpoints = documented_endpoints()
    bodies = schemas.collect(endpoints)
    _add_components(spec, bodies.components)
    for endpoint in endpoints:
        described = operation(endpoint, bodies)
        spec.path(path=endpoint.path, operations={endpoint.method.lower(): described})
    return spec.to_dict()


def _add_components(spec: APISpec, components: dict[str, Any]) -> None:
    for name, schema in sorted(components.items()):
        spec.components.schema(name, schema)
    for name, header in common.HEADERS.items():
        spec.components.header(name, header)
    for problem in common.ERRORS:
        spec.components.response(problem.name, problem.response())
    for name, scheme in common.SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
