"""What API Gateway does for a Chalice app, without Lambda: routes, asks the authorizer, and calls.

Every error has the API's one form. The front ends, `billet.serve.asgi` and `billet.serve.wsgi`,
translate between this and their server.
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
from billet.serve.routes import Match, Routes
from chalicelib.app_factory import BilletApp
from chalicelib.http import authentication, problems, request_headers, request_ids
from chalicelib.http.parsing import MAX_BODY
from chalicelib.http.problems import HttpProblem

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
LAMBDA_MILLISECONDS = 60_000
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(:[0-9]*)?")
_HOSTLESS = {"HTTP/1.0", "HTTP/1"}


class Request(NamedTuple):
    """The head of a request."""

    method: str
    path: str
    """As sent: percent-encoded, and without the query."""
    query: str
    headers: Mapping[str, str]
    """By names in lower case; the values of repeated lines are joined with commas."""
    client: str
    """The address of the client."""
    protocol: str = "HTTP/1.1"
    repeated: Sequence[str] = ()
    """The names of the headers that have several lines, if the server tells."""


class Response(NamedTuple):
    """A response; to HEAD, the server sends it without the body."""

    status: int
    headers: Mapping[str, Any]
    body: bytes

    def header_lines(self) -> list[tuple[str, str]]:
        """Each header line, Content-Length included."""
        lines: list[tuple[str, str]] = []
        for name, value in self.headers.items():
            values = value if isinstance(value, list) else [value]
            lines += [(name, str(one)) for one in values]
        if self.status not in {204, 304}:
            lines.append(("Content-Length", str(len(self.body))))
        return lines


class Gateway:
    """Passes requests on to a Chalice app, from any number of threads.

    Args:
        allowed_hosts: the hosts that requests may be for, without port; None: every host.
    """

    def __init__(self, app: BilletApp, allowed_hosts: Container[str] | None = None) -> None:
        if not isinstance(app, LocalChalice):
            # This gives the app a current_request for each thread; the server is not used.
            create_local_server(app, Config.create(), "127.0.0.1", 0).server.server_close()
        self._app = app
        self._response_headers = app.response_headers
        self._authorizer = LocalGatewayAuthorizer(app)
        self._routes = Routes(app.routes)
        self._allowed_hosts = allowed_hosts

    def respond_to_head(self, asked: Request) -> Response | Match:
        """Respond to a request that needs neither its body nor the app; else find its route."""
        try:
            self._check_host(asked)
            _check_head(asked)
            if asked.path == "*" and asked.method == "OPTIONS":  # RFC 9110, section 9.3.7
                headers = self._response_headers.options(self._routes.methods)
                return self._own(asked, 204, headers, b"")
            match = self._routes.match(asked.path)
        except HttpProblem as refusal:
            return self.refuse(asked, refusal)
        if asked.method == "OPTIONS":
            return self._own(asked, 204, self._response_headers.options(match.allowed), b"")
        if asked.method in match.allowed:
            return match
        allowed = ", ".join(match.allowed)
        detail = f"method: must be one of {allowed}"
        allow = {"Allow": allowed}
        return self.refuse(asked, HttpProblem(405, detail, headers=allow))

    def refuse(self, asked: Request, refusal: HttpProblem) -> Response:
        """Respond with a problem that is not the app's own."""
        return self._own(asked, refusal.status, refusal.headers, refusal.body())

    def respond(self, asked: Request, match: Match, body: bytes) -> Response:
        """Respond to a request that `respond_to_head` has found the route of."""
        named = {**asked.headers, "x-request-id": _begin(asked)[request_ids.HEADER]}
        asked = asked._replace(headers=named)
        try:
            return self._call(asked, match, body)
        except (NotAuthorizedError, ForbiddenError):
            return self.refuse(asked, authentication.refusal(asked.headers.get("authorization")))
        except Exception as error:  # noqa: BLE001, each becomes a response
            return self.refuse(asked, problems.of_error(error))

    def _check_host(self, asked: Request) -> None:
        host = asked.headers.get("host", "")
        if not host and asked.protocol in _HOSTLESS:
            return
        found = _HOST.fullmatch(host)
        if not found:
            raise HttpProblem(400, "host: must be one name or address, with or without a port")
        if self._allowed_hosts is not None and found[1] not in self._allowed_hosts:
            raise HttpProblem(400, f"host: {hosts.MUST}")

    def _call(self, asked: Request, match: Match, body: bytes) -> Response:
        event = _event(asked, match, body)
        context = LambdaContext("billet", 128, LAMBDA_MILLISECONDS)
        event, context = self._authorizer.authorize(asked.path, event, context)
        reply = self._app(event, context)
        told = {**reply["headers"], **reply["multiValueHeaders"]}
        return Response(reply["statusCode"], told, (reply["body"] or "").encode())

    def _own(
        self, asked: Request, status: int, headers: Mapping[str, str], body: bytes
    ) -> Response:
        request_id = _begin(asked)
        method = asked.method if asked.method in METHODS else "-"
        if status >= 400:
            request_ids.log_failure(method, "-", status)
        common = self._response_headers.common(asked.headers, method, status)
        return Response(status, {**common, **request_id, **headers}, body)


def _check_head(asked: Request) -> None:
    """Refuse a request whose head is enough to know that it can't be carried out."""
    for name in asked.repeated:
        if name in request_headers.SINGLE:
            raise request_headers.repeated(name)
    if asked.headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise HttpProblem(501, "transfer-encoding: must be chunked")
    check_length(int(asked.headers.get("content-length") or 0))


def check_length(length: int) -> None:
    """Refuse a body of this many bytes if it is too large."""
    if length > MAX_BODY:
        raise HttpProblem(413, f"body: must have at most {MAX_BODY} bytes")


def _event(asked: Request, match: Match, body: bytes) -> dict[str, Any]:
    """The event that API Gateway makes of a request; HEAD is a GET whose body is not sent."""
    return {
        "requestContext": {
            "httpMethod": "GET" if asked.method == "HEAD" else asked.method,
            "resourcePath": match.route,
            "identity": {"sourceIp": asked.client},
            "path": asked.path,
        },
        "headers": asked.headers,
        "pathParameters": match.parameters,
        "stageVariables": {},
        "multiValueQueryStringParameters": parse_qs(asked.query, keep_blank_values=True) or None,
        "body": body or None,
    }


def _begin(asked: Request) -> dict[str, str]:
    given = {request_ids.HEADER: asked.headers.get(request_ids.HEADER.lower(), "")}
    return request_ids.begin(given, str(uuid.uuid4()))
