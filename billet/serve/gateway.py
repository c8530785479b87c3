"""Replace API Gateway on a machine of your own: route, authorize, and call the Chalice app.

Errors have the form of the API's own errors. `billet.serve.asgi` and `billet.serve.wsgi` convert
the requests and responses of their servers.
"""

import re
import uuid
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from chalice.config import Config
from chalice.local import (
    ForbiddenError,
    LambdaContext,
    LocalChalice,
    LocalGatewayAuthorizer,
    NotAuthorizedError,
    create_local_server,
)

from billet.serve import hosts
from billet.serve.route_table import Match, RouteTable
from chalicelib.app_factory import BilletApp
from chalicelib.http import (
    authentication,
    problems,
    request_headers,
    request_ids,
    request_log,
    trace_context,
)
from chalicelib.http.parsing import check_length
from chalicelib.http.problems import HttpProblem

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
LAMBDA_MILLISECONDS = 60_000
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(:[0-9]*)?")
_WITHOUT_HOST = {"HTTP/1.0", "HTTP/1"}
"""The protocols that do not require Host."""


class Request(NamedTuple):
    """The head of a request."""

    method: str
    path: str
    """As sent, percent-encoded, without the query."""
    query: str
    headers: Mapping[str, str]
    """By lower-case name; the values of repeated headers are joined with commas."""
    client: str
    """The client's address."""
    protocol: str = "HTTP/1.1"
    repeated: Sequence[str] = ()
    """The names of headers that were sent several times, if the server reports them."""


class Response(NamedTuple):
    """A response. The server omits the body in response to HEAD."""

    status: int
    headers: Mapping[str, Any]
    body: bytes

    def header_lines(self) -> list[tuple[str, str]]:
        """Return name and value of each header line, with Content-Length."""
        lines: list[tuple[str, str]] = []
        for name, value in self.headers.items():
            values = value if isinstance(value, list) else [value]
            lines += [(name, str(one)) for one in values]
        if self.status not in {204, 304}:
            lines.append(("Content-Length", str(len(self.body))))
        return lines


class Gateway:
    """Passes requests to the app. Thread-safe.

    Args:
        allowed_hosts: the accepted values of Host, without port; None accepts every host.
    """

    def __init__(self, app: BilletApp, allowed_hosts: Container[str] | None = None) -> None:
        if not isinstance(app, LocalChalice):
            # Makes the app's current_request thread-local. The server itself is not used.
            create_local_server(app, Config.create(), "127.0.0.1", 0).server.server_close()
        self._app = app
        self._response_headers = app.response_headers
        self._authorizer = LocalGatewayAuthorizer(app)
        self._routes = RouteTable(app.routes)
        self._allowed_hosts = allowed_hosts

    def route(self, request: Request) -> Response | Match:
        """Return the request's route, or the response if it needs neither body nor app."""
        try:
            self._check_host(request)
            _check_head(request)
            if request.path == "*" and request.method == "OPTIONS":  # RFC 9110, section 9.3.7
                headers = self._response_headers.options(self._routes.methods)
                return self._response(request, 204, headers, b"")
            match = self._routes.match(request.path)
        except HttpProblem as problem:
            return self.problem_response(request, problem)
        if request.method == "OPTIONS":
            headers = self._response_headers.options(match.allowed)
            return self._response(request, 204, headers, b"", match)
        if request.method in match.allowed:
            return match
        allowed = ", ".join(match.allowed)
        detail = f"method: must be one of {allowed}"
        allow = {"Allow": allowed}
        return self.problem_response(request, HttpProblem(405, detail, headers=allow), match)

    def problem_response(
        self,
        request: Request,
        problem: HttpProblem,
        match: Match | None = None,
        wait_seconds: float = 0.0,
    ) -> Response:
        """Return the response for a problem outside the app.

        Args:
            match: the request's route, if it is known.
            wait_seconds: how long the request has waited for a thread.
        """
        status, headers, body = problem.status, problem.headers, problem.body()
        return self._response(request, status, headers, body, match, wait_seconds)

    def respond(
        self, request: Request, match: Match, body: bytes, wait_seconds: float = 0.0
    ) -> Response:
        """Call the app for a request whose route is `match`, and log the request.

        Args:
            wait_seconds: how long the request has waited for a thread.
        """
        with request_log.recording(wait_seconds) as record:
            _begin(request, match)
            response = self._respond(request, match, body)
            record.status = response.status
            return response

    def _respond(self, request: Request, match: Match, body: bytes) -> Response:
        try:
            return self._call(request, match, body)
        except (NotAuthorizedError, ForbiddenError):
            refusal = authentication.refusal(request.headers.get("authorization"))
            return self.problem_response(request, refusal, match)
        except Exception as error:  # noqa: BLE001, each becomes a response
            return self.problem_response(request, problems.of_error(error), match)

    def _check_host(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if not host and request.protocol in _WITHOUT_HOST:
            return
        match = _HOST.fullmatch(host)
        if not match:
            raise HttpProblem(400, "host: must be one name or address, with or without a port")
        if self._allowed_hosts is not None and match[1] not in self._allowed_hosts:
            raise HttpProblem(400, f"host: {hosts.RULE}")

    def _call(self, request: Request, match: Match, body: bytes) -> Response:
        event = _event(request, match, body)
        context = LambdaContext("billet", 128, LAMBDA_MILLISECONDS)
        event, context = self._authorizer.authorize(request.path, event, context)
        result = self._app(event, context)
        headers = {**result["headers"], **result["multiValueHeaders"]}
        return Response(result["statusCode"], headers, (result["body"] or "").encode())

    def _response(
        self,
        request: Request,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        match: Match | None = None,
        wait_seconds: float = 0.0,
    ) -> Response:
        """Return a response that is not the app's, and log the request."""
        with request_log.recording(wait_seconds) as record:
            record.status = status
            ids = _begin(request, match)
            common = self._response_headers.common(request.headers, request.method, status)
            return Response(status, {**common, **ids, **headers}, body)


def _check_head(request: Request) -> None:
    """Raise HttpProblem if the headers show that the request cannot be handled."""
    for name in request.repeated:
        if name in request_headers.SINGLE:
            raise request_headers.repeated(name)
    if request.headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise HttpProblem(501, "transfer-encoding: must be chunked")
    check_length(int(request.headers.get("content-length") or 0))


def _event(request: Request, match: Match, body: bytes) -> dict[str, Any]:
    """Return API Gateway's event for a request. HEAD becomes GET; the server omits the body."""
    return {
        "requestContext": {
            "httpMethod": "GET" if request.method == "HEAD" else request.method,
            "resourcePath": match.route,
            "identity": {"sourceIp": request.client},
            "path": request.path,
        },
        "headers": request.headers,
        "pathParameters": match.parameters,
        "stageVariables": {},
        "multiValueQueryStringParameters": parse_qs(request.query, keep_blank_values=True) or None,
        "body": body or None,
    }


def _begin(request: Request, match: Match | None) -> dict[str, str]:
    headers = request.headers
    given = {
        request_ids.HEADER: headers.get("x-request-id", ""),
        trace_context.HEADER: headers.get("traceparent", ""),
    }
    method = request.method if request.method in METHODS else "-"
    route = f"{method} {match.route if match else '-'}"
    return request_log.begin(given, str(uuid.uuid4()), route)
