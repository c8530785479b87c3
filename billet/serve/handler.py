"""One connection to the local server.

Chalice's handler is meant for trying things out: it waits 44 ms for each request over a kept-alive
connection (Nagle's algorithm, with headers and body sent apart), answers errors in four forms,
gives HEAD a body and passes over chunked ones. This one answers as API Gateway and Lambda do, with
every error as a problem.
"""

import logging
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from http import HTTPStatus
from typing import IO, Any

from chalice.local import (
    ChaliceRequestHandler,
    ForbiddenError,
    NotAuthorizedError,
    RouteMatcher,
)

from billet.serve.bodies import BadBody, read_body
from billet.serve.connections import Connections
from billet.serve.gate import Full, Gate
from chalicelib.api import headers, principals, problems, request_ids
from chalicelib.errors import Unavailable

log = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
BUSY = "the server is busy; try again"
IDLE_SECONDS = 30
MOST_REQUEST_LINE = 65536
LINGER_SECONDS = 1.0
LINGER_BYTES = 16 * 1024 * 1024


class Head:
    """The lines of a request's head, read from a stream."""

    cut_off = False
    """Whether the stream ended before the head did."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readline(self, limit: int) -> bytes:
        """The next line, b"" at the end of the stream."""
        line = self._stream.readline(limit)
        self.cut_off = not line
        return line


class Handler(ChaliceRequestHandler):
    """Reads requests from a connection, one after the other, and answers each."""

    default_request_version = "HTTP/1.0"  # else what can't be read is answered as HTTP/0.9, bare
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = IDLE_SECONDS
    raw_requestline: bytes
    rfile: Any

    def __init__(self, *arguments: Any, connections: Connections, gate: Gate, **named: Any) -> None:
        self._connections = connections
        self._gate = gate
        self._routes = named["app_object"].routes
        self._matcher = RouteMatcher(list(self._routes))
        super().__init__(*arguments, **named)

    def setup(self) -> None:
        """Lets the app know who the client is, as API Gateway does."""
        super().setup()
        self.local_gateway.event_converter.LOCAL_SOURCE_IP = self.client_address[0]

    def parse_request(self) -> bool:
        """Reads the head of a request; if it can't be read, that of the one before is forgotten.

        Passes over an empty line before it, but over no other (RFC 9112, section 2.2).
        """
        self.headers = Message()
        if self.raw_requestline in (b"\r\n", b"\n"):
            self.raw_requestline = self.rfile.readline(MOST_REQUEST_LINE)
        parsed = self._parse_whole()
        if self.raw_requestline and not self.requestline.split():
            self.send_error(400, "the request line is empty")
        return parsed

    def _parse_whole(self) -> bool:
        """Lets http.server parse the head, which would take it as whole where it is cut off.

        A condition may be in what is missing.
        """
        stream, head = self.rfile, Head(self.rfile)
        self.rfile = head
        try:
            parsed = bool(super().parse_request())
        finally:
            self.rfile = stream
        if parsed and head.cut_off:
            self.send_error(400, "the head of the request has no end")
        return parsed and not head.cut_off

    def _answer(self) -> None:
        self._named = request_ids.settle(self.headers, str(uuid.uuid4()))
        try:
            if self.headers.defects:
                raise BadBody(400, "a header can't be read")
            body = read_body(self.headers, self.rfile, self.request_version)
        except BadBody as error:
            self.close_connection = True
            self._problem(error.status, str(error))
            self.wfile.flush()
        else:
            with self._connections.at_work(self.connection):
                self._dispatch(body)
                self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def __getattr__(self, name: str) -> Any:
        """Lets http.server find that every other method is answered, too: by a 404 or a 405."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

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
            try:
                with self._gate.entered():
                    self._call(body)
            except Full:
                self._problem(503, BUSY, problems.retry_after())

    def _allowed(self, route: str) -> list[str]:
        methods = set(self._routes[route]) | {"OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return sorted(methods)

    def _call(self, body: bytes) -> None:
        """Calls authorizer and app as API Gateway would, and answers as it for the authorizer."""
        try:
            reply = self._reply(body)
        except (NotAuthorizedError, ForbiddenError):
            self._refuse(principals.refusal(self._joined().get("authorization")))
        except Unavailable as error:
            self._problem(503, str(error), problems.retry_after())
        except Exception:
            log.exception("a mistake of ours:")
            self._problem(500, f"request {request_ids.current()} failed")
        else:
            told = {**reply["headers"], **reply["multiValueHeaders"]}
            self._send(reply["statusCode"], told, (reply["body"] or "").encode())

    def _reply(self, body: bytes) -> dict[str, Any]:
        """What the app answers; HEAD is a GET whose body is not sent."""
        reply: dict[str, Any] = self.local_gateway.handle_request(
            method="GET" if self.command == "HEAD" else self.command,
            path=self.path,
            headers={**self._joined(), **self._named},
            body=body or None,
        )
        return reply

    def _joined(self) -> dict[str, str]:
        """The headers by name in lower case, the lines of each joined."""
        return {
            name.lower(): ", ".join(self.headers.get_all(name, []))
            for name in set(self.headers.keys())
        }

    def _refuse(self, refusal: problems.Refused) -> None:
        self._problem(refusal.status, str(refusal), refusal.headers)

    def handle_expect_100(self) -> bool:
        """Tells a client that waits for it to send the body."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return bool(go_on)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answers what can't be read as HTTP; http.server calls this."""
        if not self.command:  # the request's line could not be read
            self.headers = Message()
        self._named = request_ids.settle(self.headers, str(uuid.uuid4()))
        self.close_connection = True
        self._problem(code, message or HTTPStatus(code).phrase)
        self.wfile.flush()

    def _problem(self, status: int, detail: str, told: Mapping[str, str] | None = None) -> None:
        content = {"Content-Type": problems.CONTENT_TYPE, **(told or {})}
        self._send_own(status, content, problems.body(status, detail))

    def _send_own(self, status: int, told: dict[str, str], body: bytes) -> None:
        """Sends an answer that is not the app's."""
        method = self.command if self.command in METHODS else "-"
        if status >= 400:
            request_ids.note_failure(method, "-", status)
        common = headers.of_reply(self.headers, method, status)
        self._send(status, {**common, **self._named, **told}, body)

    def _send(self, status: int, told: dict[str, Any], body: bytes) -> None:
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        if status not in (204, 304):
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
