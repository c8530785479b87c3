"""What happens to each request before and after its view."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from chalice.app import Authorizer, Chalice, Request, Response

from chalicelib import time_budget
from chalicelib.dynamodb import schema_version
from chalicelib.http import (
    authentication,
    conditional,
    cross_site,
    parsing,
    problems,
    request_headers,
    request_log,
    unknown_events,
)
from chalicelib.http.authentication import Principal, PrincipalReader
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.idempotency import WriteRequest
from chalicelib.http.problems import HttpProblem
from chalicelib.http.rate_limits import RateLimits
from chalicelib.http.response_headers import ResponseHeaders
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import Query
from chalicelib.http.urls import Urls
from chalicelib.settings import Settings

RESPONSE_SECONDS = 1.0
"""How much of Lambda's time is kept for the response itself."""

ArgumentReader = Callable[[Request, Principal], Any]
"""Reads an argument of a view from a request."""


class Pipeline:
    """Connects endpoints to a Chalice app, and takes each request through the same steps.

    The methods are in the order of a request's life. Chalice's middleware sees an exception of a
    view only as the 500 that it has become (https://github.com/aws/chalice/issues/1549), so the
    steps are around the view itself.
    """

    def __init__(
        self,
        app: Chalice,
        settings: Settings,
        authorizer: Authorizer | None,
        read_principal: PrincipalReader,
        response_headers: ResponseHeaders,
    ) -> None:
        self._app = app
        self._settings = settings
        self._authorizer = authorizer
        self._read_principal = read_principal
        self._response_headers = response_headers
        self._rate_limits = RateLimits(settings)

    def register(self, endpoint: Endpoint) -> None:
        """Add the endpoint to the app's routes."""
        readers = {
            name: self._argument_reader(endpoint, name, kind)
            for name, kind in endpoint.parameters.items()
        }

        def handle(**_: str) -> Response:
            return self._handle(self._request(), endpoint, readers)

        handle.__name__ = endpoint.view.__name__
        self._app.route(
            endpoint.path,
            methods=[endpoint.method],
            authorizer=endpoint.role and self._authorizer,
            content_types=[],  # Chalice would refuse another one in a form of its own
        )(handle)

    def register_options(self, path: str, methods: Iterable[str]) -> None:
        """Add OPTIONS of a path, by which browsers ask what scripts of another origin may send.

        It needs no token, because browsers send none. Chalice's own `cors=` makes API Gateway
        respond, which can name one origin only.
        """
        headers = self._response_headers.options([*methods, "OPTIONS"])

        def options(**_: str) -> Response:
            request = self._request()
            ids = self._begin(request, f"OPTIONS {path}")
            return self._finish(request, Response("", dict(headers), 204), ids)

        self._app.route(path, methods=["OPTIONS"])(options)

    def refuse(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Respond to an event that is not a request to one of the app's routes."""
        headers = request_log.begin({}, context.aws_request_id, request_log.NO_REQUEST)
        problem = unknown_events.problem(event)
        common = self._response_headers.common({}, "-", problem.status)
        body = problem.body().decode()
        response = Response(body, {**common, **headers, **problem.headers}, problem.status)
        result: dict[str, Any] = response.to_dict()
        return result

    def _request(self) -> Request:
        request = self._app.current_request
        assert request is not None  # noqa: S101, a handler is called with one
        return request

    def _handle(
        self, request: Request, endpoint: Endpoint, readers: Mapping[str, ArgumentReader]
    ) -> Response:
        request_headers.join_lines(request)
        headers = self._begin(request, f"{endpoint.method} {endpoint.path}")
        try:
            with time_budget.within(self._seconds(request)):
                principal = self._principal(request, endpoint)
                request_log.current().principal = principal.logged_as or principal.name
                headers |= self._rate_limits.admit(request, principal)
                request_headers.require_single(request)
                if endpoint.method == "POST" and "body" not in endpoint.parameters:
                    cross_site.check(request, self._settings)
                authentication.require_role(principal, endpoint.role)
                parsing.check(request, takes_query="query" in endpoint.parameters)
                result = self._call(request, principal, endpoint, readers)
            if endpoint.method == "GET":
                result = conditional.evaluate(request, result)
            response = _success(result, endpoint.status)
        except Exception as error:  # noqa: BLE001, each becomes a response
            problem = problems.of_error(error, read_only=endpoint.method == "GET")
            response = _failure(problem)
        return self._finish(request, response, headers)

    def _principal(self, request: Request, endpoint: Endpoint) -> Principal:
        principal = self._read_principal((request.context or {}).get("authorizer") or {})
        return endpoint.identify(request, principal) if endpoint.identify else principal

    def _begin(self, request: Request, route: str) -> dict[str, str]:
        context: Any = request.lambda_context
        return request_log.begin(request.headers, context.aws_request_id, route)

    def _seconds(self, request: Request) -> float:
        """Return the time that REQUEST_SECONDS and Lambda leave for the request."""
        context: Any = request.lambda_context
        lambda_seconds: float = context.get_remaining_time_in_millis() / 1000
        return min(self._settings.request_seconds, lambda_seconds - RESPONSE_SECONDS)

    def _call(
        self,
        request: Request,
        principal: Principal,
        endpoint: Endpoint,
        readers: Mapping[str, ArgumentReader],
    ) -> ApiResponse[Any]:
        arguments = {name: read(request, principal) for name, read in readers.items()}
        if endpoint.role is not None or endpoint.identify is not None:
            schema_version.require()
        return endpoint.view(**arguments)

    def _argument_reader(self, endpoint: Endpoint, name: str, kind: Any) -> ArgumentReader:
        """Return what reads a parameter of the view, by its annotation; see `Router.endpoint`."""
        if kind is Request:
            return lambda request, _: request
        if kind is Principal:
            return lambda _, principal: principal
        if kind is Urls:
            return lambda request, _: Urls(request, self._settings.public_url)
        if kind is WriteRequest:
            required = self._settings.require_if_match == "on"
            return lambda request, principal: WriteRequest.of(
                request, endpoint, principal, if_match_required=required
            )
        if kind is int:
            return lambda request, _: parsing.path_id(name, (request.uri_params or {})[name])
        if issubclass(kind, Query):
            return lambda request, _: parsing.query(request, kind)
        return lambda request, _: parsing.body(request, kind)

    def _finish(self, request: Request, response: Response, headers: Mapping[str, str]) -> Response:
        """Add the headers that every response has. The view's own take precedence."""
        status = response.status_code
        common = self._response_headers.common(request.headers, request.method, status)
        response.headers = {**common, **headers, **response.headers}
        return response


def _success(result: ApiResponse[Any], status: int) -> Response:
    if result.status == 304:
        return Response("", dict(result.headers), 304)
    body = msgspec.json.encode(result.body)
    if "Content-Type" not in result.headers and not body.endswith(b"\n"):
        body += b"\n"  # for terminals
    headers: dict[str, Any] = {"Content-Type": "application/json", **result.headers}
    return Response(body.decode(), headers, result.status or status)


def _failure(problem: HttpProblem) -> Response:
    headers: dict[str, Any] = {**problem.headers}
    return Response(problem.body().decode(), headers, problem.status)
