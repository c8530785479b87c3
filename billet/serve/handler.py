"""One connection to the local server.

Chalice's handler is meant for trying things out: it waits 44 ms for each request over a kept-alive
connection (Nagle's algorithm, with headers and body sent apart), answers errors in four forms,
gives HEAD a body and passes over chunked ones. This one answers as API Gateway and Lambda do, with
every error as a problem.
"""

import socket
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from email.message import Message
from http import HTTPStatus
from typing import Any

from chalice.local import ChaliceRequestHandler, RouteMatcher

from billet.serve.bodies import BadBody, read_body
from chalicelib.api import headers, problems, request_ids

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
IDLE_SECONDS = 30
LINGER_SECONDS = 1.0
LINGER_BYTES = 16 * 1024 * 1024


class Handler(ChaliceRequestHandler):
    """Reads requests from a connection, one after the other, and answers each."""

    default_request_version = "HTTP/1.0"  # else what can't be read is answered as HTTP/0.9, bare
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = IDLE_SECONDS

    def __init__(
        self, *arguments: Any, at_work: Callable[[], AbstractContextManager[None]], **named: Any
    ) -> None:
        self._at_work = at_work
        self._routes = named["app_object"].routes
        self._matcher = RouteMatcher(list(self._routes))
        super().__init__(*arguments, **named)

    def setup(self) -> None:
        """Lets the app know who the client is, as API Gateway does."""
        super().setup()
        self.local_gateway.event_converter.LOCAL_SOURCE_IP = self.client_address[0]

    def parse_request(self) -> bool:
        """Reads the head of a request, and forgets that of the request before in any case."""
        self.headers = Message()
        return bool(super().parse_request())

    def _answer(self) -> None:
        with self._at_work():
            try:
                if self.headers.defects:
                    raise BadBody(400, "a header can't be read")
                body = read_body(self.headers, self.rfile, self.request_version)
            except BadBody as error:
                self.close_connection = True
                self._problem(error.status, str(error))
            else:
                self._dispatch(body)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815
    do_OPTIONS = do_TRACE = do_CONNECT = _answer  # noqa: N815

    def _dispatch(self, body: bytes) -> None:
        try:
            route = self._matcher.match_route(self.path).route
        except ValueError:
            self._problem(404, "no such path")
            return
        allowed = self._allowed(route)
        if self.command == "OPTIONS":
            self._send_own(204, headers.of_preflight(allowed), b"")
        elif self.command not in allowed:
            told = {"Allow": ", ".join(allowed)}
            self._problem(405, f"{self.command} is not for this path", told)
        else:
            self._call(body)

    def _allowed(self, route: str) -> list[str]:
        methods = set(self._routes[route]) | {"OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return sorted(methods)

    def _call(self, body: bytes) -> None:
        """Calls the app as Lambda would; HEAD is a GET whose body is not sent."""
        reply = self.local_gateway.handle_request(
            method="GET" if self.command == "HEAD" else self.command,
            path=self.path,
            headers=dict(self.headers),
            body=body or None,
        )
        told = {**reply["headers"], **reply["multiValueHeaders"]}
        self._send(reply["statusCode"], told, (reply["body"] or "").encode())

    def handle_expect_100(self) -> bool:
        """Tells a client that waits for it to send the body."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return bool(go_on)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answers what can't be read as HTTP; http.server calls this."""
        self.close_connection = True
        self._problem(code, message or HTTPStatus(code).phrase)
        self.wfile.flush()

    def _problem(self, status: int, detail: str, told: dict[str, str] | None = None) -> None:
        content = {"Content-Type": problems.CONTENT_TYPE, **(told or {})}
        self._send_own(status, content, problems.body(status, detail))

    def _send_own(self, status: int, told: dict[str, str], body: bytes) -> None:
        """Sends an answer that is not the app's."""
        method = getattr(self, "command", None) or "-"
        asked = self.headers if method != "-" else Message()  # there may be no head at all
        named = request_ids.settle(asked, str(uuid.uuid4()))
        if status >= 400:
            request_ids.note_failure(method if method in METHODS else "-", "-", status)
        self._send(status, {**headers.of_reply(asked, method, status), **named, **told}, body)

    def _send(self, status: int, told: dict[str, Any], body: bytes) -> None:
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if getattr(self, "command", None) != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """What the header Server says."""
        return "billet"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """No line for each request."""

    def finish(self) -> None:
        """Lets a client that is still sending read its answer before the connection is reset."""
        super().finish()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_SECONDS)
            left = LINGER_BYTES
            while left > 0 and (read := len(self.connection.recv(64 * 1024))):
                left -= read
