"""What every endpoint does around its one call: parse, answer, and turn errors into statuses.

Chalice's middleware sees a view's exception only as the 500 that it has become already
(https://github.com/aws/chalice/issues/1549), so all this is wrapped around the view itself.
"""

import inspect
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

import msgspec
from chalice.app import Blueprint, Request, Response

from chalicelib import time_budget
from chalicelib.domain.errors import BilletError, Unavailable
from chalicelib.domain.token import Role
from chalicelib.http import (
    conditional,
    parsing,
    principals,
    problems,
    request_headers,
    request_ids,
    response_headers,
    throttling,
)
from chalicelib.http.idempotency import Write
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import ListQuery
from chalicelib.http.throttling import USUAL, Throttle
from chalicelib.settings import Settings

log = logging.getLogger(__name__)

ANSWER_SECONDS = 1.0
"""What is kept of Lambda's time for the answer itself."""
_REQUEST_SECONDS = Settings.from_environ(os.environ).request_seconds


View = Callable[..., ApiResponse[Any]]


class Endpoint(NamedTuple):
    """A method of a path, as its view declares it."""

    method: str
    path: str
    role: Role | None
    """The least role that may call it; None: it is open to everybody."""
    view: View
    status: int
    """The status where it succeeds."""
    takes: Mapping[str, Any]
    """The type of each of the view's parameters, by name."""
    gives: Any
    """The type of the body where it succeeds."""
    throttle: Throttle
    """What API Gateway lets through to it."""


ENDPOINTS: list[Endpoint] = []
"""Every endpoint of the API; complete once `app` is imported."""


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    role: Role | None,
    status: int = 200,
    prefix: str = "/v1",
    throttle: Throttle = USUAL,
) -> Callable[[View], View]:
    """Makes a view the endpoint of a method and a path, for those who have the role or a higher.

    The view gets, by the annotations of its parameters: ids of the path as ints, `body` and `query`
    as the structs that they are annotated with, `request` as Chalice's own, and `write` as what a
    view that changes something has to go through.
    """

    def register(view: View) -> View:
        signature = inspect.signature(view)
        takes = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        [gives] = get_args(signature.return_annotation)
        whole = prefix + path
        this = Endpoint(method, whole, role, view, status, takes, gives, throttle)
        ENDPOINTS.append(this)
        takes_no_query = "query" not in takes
        readers = {name: _reader(name, kind, this) for name, kind in takes.items()}

        def respond(request: Request, told: dict[str, str]) -> Response:
            try:
                told |= throttling.admit(request)
                request_headers.require_single(request)
                principals.admit(request, role)
                parsing.raw_body(request)
                if takes_no_query:
                    parsing.no_query(request)
                with time_budget.within(_seconds(blueprint.lambda_context)):
                    answer = view(**{name: read(request) for name, read in readers.items()})
                return _answered(conditional.evaluated(request, answer), status)
            except problems.HttpProblem as refusal:
                return refused(refusal)
            except Unavailable as error:
                return problem(503, str(error), problems.retry_after())
            except BilletError as error:
                return problem(problems.status_of(error), str(error))
            except Exception:
                log.exception("a mistake of ours:")
                return problem(500, f"request {request_ids.current()} failed")

        def handle(**path_parameters: str) -> Response:
            request = blueprint.current_request
            request_headers.join(request)
            told = request_ids.settle(request.headers, blueprint.lambda_context.aws_request_id)
            return _finished(request, respond(request, told), told)

        handle.__name__ = view.__name__
        # No content types: Chalice would answer a wrong one in a form of its own.
        blueprint.route(whole, methods=[method], content_types=[])(handle)
        return view

    return register


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The reply that tells of an error."""
    return refused(problems.HttpProblem(status, detail, headers=headers))


def refused(refusal: problems.HttpProblem) -> Response:
    """The reply that tells of a refusal."""
    body = problems.body(refusal.status, str(refusal), refusal.kind, refusal.violated_policies)
    return _response(body, refusal.status, problems.CONTENT_TYPE, refusal.headers)


def _finished(request: Request, response: Response, told: Mapping[str, str]) -> Response:
    """The reply with what every reply has; what it says itself comes first."""
    status = response.status_code
    common = response_headers.of_reply(request.headers, request.method, status)
    response.headers = {**common, **told, **response.headers}
    if status >= 400:
        request_ids.note_failure(request.method, request.path, status)
    return response


def _answered(answer: ApiResponse[Any], usual: int) -> Response:
    if answer.status == 304:
        return Response("", dict(answer.headers), 304)
    body = msgspec.json.encode(answer.body)
    if "Content-Type" not in answer.headers and not body.endswith(b"\n"):
        body += b"\n"  # for terminals
    return _response(body, answer.status or usual, "application/json", answer.headers)


def _response(body: bytes, status: int, content_type: str, headers: Mapping[str, str]) -> Response:
    return Response(body.decode(), {"Content-Type": content_type, **headers}, status)


def _seconds(context: Any) -> float:
    """How long a request may work: as long as the setting says, and no longer than Lambda does."""
    given: float = context.get_remaining_time_in_millis() / 1000
    return min(_REQUEST_SECONDS, given - ANSWER_SECONDS)


def _reader(name: str, kind: Any, endpoint: Endpoint) -> Callable[[Request], Any]:
    if kind is Request:
        return lambda request: request
    if kind is int:
        return lambda request: parsing.ident(name, (request.uri_params or {})[name])
    if kind is Write:
        return lambda request: Write.of(request, endpoint.path, endpoint.status)
    if issubclass(kind, ListQuery):
        return lambda request: parsing.query(request, kind)
    return lambda request: parsing.body(request, kind)
