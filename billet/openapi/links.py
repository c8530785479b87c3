"""Where the id of what was made leads: https://spec.openapis.org/oas/v3.1.1.html#link-object"""

import re
from typing import Any

from chalicelib.api.endpoint import ENDPOINTS, Endpoint


def after(endpoint: Endpoint) -> dict[str, dict[str, Any]]:
    """The operations that take the id of what this one makes, by name; none where it makes none."""
    if endpoint.method != "POST":
        return {}
    place = "/payload/id" if "payload" in endpoint.gives.__struct_fields__ else "/id"
    ident = _name_of_id(endpoint)
    return {
        other.view.__name__: {
            "operationId": other.view.__name__,
            "parameters": {ident: f"$response.body#{place}"},
        }
        for other in ENDPOINTS
        if ident in other.takes
    }


def _name_of_id(endpoint: Endpoint) -> str:
    """What the paths below that of the collection call the id: task_id below /v1/tasks."""
    below = re.compile(rf"{re.escape(endpoint.path)}/{{(\w+)}}")
    return next(found[1] for other in ENDPOINTS if (found := below.match(other.path)))
