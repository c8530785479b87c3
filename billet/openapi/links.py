"""Links from an operation to others: https://spec.openapis.org/oas/v3.1.1.html#link-object"""

import re
from collections.abc import Iterable
from typing import Any

from billet.openapi.common import creates_entity
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS

Links = dict[str, dict[str, Any]]


def after(endpoint: Endpoint) -> Links:
    """Return the links of an endpoint.

    A POST links to all operations on what it creates, any other change to the GET of what it
    changes. A GET has none.
    """
    if endpoint.method == "GET":
        return {}
    if creates_entity(endpoint):
        ident = _name_of_id(endpoint)
        place = "/payload/id" if "payload" in endpoint.returns.__struct_fields__ else "/id"
        return _links(
            (one for one in ENDPOINTS if ident in one.parameters), ident, f"$response.body#{place}"
        )
    found: Links = {}
    for ident in _ids(endpoint):
        seen = (one for one in ENDPOINTS if one.method == "GET" and list(one.parameters) == [ident])
        found |= _links(seen, ident, f"$request.path.{ident}")
    return found


def operation_id(endpoint: Endpoint) -> str:
    """Return the name in generated clients, createTask. URLs of Swagger UI can't have a `_`."""
    first, *others = endpoint.view.__name__.split("_")
    return first + "".join(word.title() for word in others)


def _links(others: Iterable[Endpoint], ident: str, place: str) -> Links:
    names = (operation_id(other) for other in others)
    return {name: {"operationId": name, "parameters": {ident: place}} for name in names}


def _ids(endpoint: Endpoint) -> list[str]:
    return [name for name, kind in endpoint.parameters.items() if kind is int]


def _name_of_id(endpoint: Endpoint) -> str:
    """Return the name of the id in the paths below a collection's: task_id for /v1/tasks."""
    below = re.compile(rf"{re.escape(endpoint.path)}/{{(\w+)}}")
    return next(found[1] for other in ENDPOINTS if (found := below.match(other.path)))
