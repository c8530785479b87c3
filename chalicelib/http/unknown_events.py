"""Events that Lambda passes to the function although they are not requests to a route.

API Gateway sends none of them, as `billet package` configures it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from chalicelib.http.problems import HttpProblem
from chalicelib.http.routes import ENDPOINTS

log = logging.getLogger(__name__)

HTTP_API = "an HTTP API of API Gateway (payload 2.0) or a function URL"
LOAD_BALANCER = "a load balancer"


def problem(event: Mapping[str, Any]) -> HttpProblem:
    """Return the response: 404 for an endpoint that DOCS or BOARD switches off, else 501."""
    context = event.get("requestContext") or {}
    if context.get("resourcePath") in {endpoint.path for endpoint in ENDPOINTS}:
        return HttpProblem(404, "path: does not exist")
    detail = f"the API needs a REST API of API Gateway before it, not {_sender(event, context)}"
    log.error("%s; docs/packaging.md describes it", detail)
    return HttpProblem(501, detail)


def _sender(event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    if event.get("version") == "2.0":
        return HTTP_API
    if "elb" in context:
        return LOAD_BALANCER
    if "resourcePath" in context:
        return "one with other routes"
    return "another kind of event"
