"""Where an operation leads: https://spec.openapis.org/oas/v3.1.1.html#link-object"""

import re
from collections.abc import Iterable
from typing import Any

from billet.openapi.common import creates
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS

Links = dict[str, dict[str, Any]]


def after(endpoint: Endpoint) -> Links:
    """From what makes a thing to all that can be done with it, from any other change to what is
    there now; none from what only reads."""
    if endpoint.method == "GET":
        return {}
    if creates(endpoint):
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
    """The name in generated clients: createTask. Swagger UI has no `_` in addresses."""
    first, *others = endpoint.view.__name__.split("_")
    return first + "".join(word.title() for word in others)


def _links(others: Iterable[Endpoint], ident: str, place: str) -> Links:
    names = (operation_id(other) for other in others)
    return {name: {"operationId": name, "parameters": {ident: place}} for name in names}


def _ids(endpoint: Endpoint) -> list[str]:
    return [name for name, kind in endpoint.parameters.items() if kind is int]


def _name_of_id(endpoint: Endpoint) -> str:
    """What the paths below that of the collection call the id: task_id below /v1/tasks."""
    below = re.compile(rf"{re.escape(endpoint.path)}/{{(\w+)}}")
    return next(found[1] for other in ENDPOINTS if (found := below.match(other.path)))
