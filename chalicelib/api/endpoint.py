"""What every endpoint does around its one call: parse, answer, and turn errors into statuses.

Chalice's middleware sees a view's exception only as the 500 that it has become already
(https://github.com/aws/chalice/issues/1549), so all this is wrapped around the view itself.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from chalice.app import Blueprint, Request, Response

from chalicelib.api import problems, requests
from chalicelib.api.schemas import ListQuery
from chalicelib.errors import BilletError, Unavailable

View = Callable[..., Response]

log = logging.getLogger(__name__)


def endpoint(blueprint: Blueprint, method: str, path: str) -> Callable[[View], View]:
    """Makes a view the endpoint of a method and a path.

    The view gets, by the annotations of its parameters: ids of the path as ints, `body` and `query`
    as the structs that they are annotated with, `request` as Chalice's own.
    """

    def register(view: View) -> View:
        readers = _readers(view)

        def handle(**path_parameters: str) -> Response:
            request = blueprint.current_request
            try:
                requests.raw_body(request)
                return view(**{name: read(request) for name, read in readers.items()})
            except problems.Refused as refusal:
                return problem(refusal.status, str(refusal))
            except Unavailable as error:
                return problem(503, str(error), {"Retry-After": str(error.retry_after)})
            except BilletError as error:
                return problem(problems.status_of(error), str(error))
            except Exception:
                request_id = blueprint.lambda_context.aws_request_id
                log.exception("request %s failed", request_id)
                return problem(500, f"request {request_id} failed")

        handle.__name__ = view.__name__
        # No content types: Chalice would answer a wrong one in a form of its own.
        blueprint.route(path, methods=[method], content_types=[])(handle)
        return view

    return register


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A reply in JSON."""
    return _response(msgspec.json.encode(body), status, "application/json", headers)


def created(request: Request, ident: int, body: Any) -> Response:
    """The reply to a POST. The path that was posted to holds the stage, if there is one."""
    path = request.context["path"].rstrip("/")
    return answer(body, 201, {"Location": f"{path}/{ident}"})


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The reply that tells of an error."""
    return _response(problems.body(status, detail), status, problems.CONTENT_TYPE, headers)


def _response(
    body: bytes, status: int, content_type: str, headers: Mapping[str, str] | None
) -> Response:
    return Response(body.decode(), {"Content-Type": content_type, **(headers or {})}, status)


def _readers(view: View) -> dict[str, Callable[[Request], Any]]:
    """How to get each argument of a view from the request."""
    return {
        name: _reader(name, parameter.annotation)
        for name, parameter in inspect.signature(view).parameters.items()
    }


def _reader(name: str, kind: Any) -> Callable[[Request], Any]:
    if kind is Request:
        return lambda request: request
    if kind is int:
        return lambda request: requests.ident(name, (request.uri_params or {})[name])
    if issubclass(kind, ListQuery):
        return lambda request: requests.query(request, kind)
    return lambda request: requests.body(request, kind)
