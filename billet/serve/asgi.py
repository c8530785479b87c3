"""The API as an ASGI application, which granian runs.

It reads bodies in the event loop, so that slow clients hold no thread, and rejects requests with
503 when too many are waiting. With WSGI, granian would not report a truncated body
(docs/decisions, 0040).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from billet.serve.gateway import Gateway, Request, Response
from billet.serve.route_table import Match
from billet.serve.thread_pool import BoundedThreadPool
from chalicelib.http.parsing import check_length
from chalicelib.http.problems import HttpProblem

MAX_CONCURRENT = 16
MAX_WAITING = 112
WAIT_SECONDS = 10.0
BODY_SECONDS = 60.0
HEALTH = "/v1/health"
HEALTH_THREADS = 4
"""Threads for health checks only, so that a busy server is not restarted. Further health checks
wait like other requests."""
_BODY_HEADERS = {"content-length", "transfer-encoding"}

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], object]


class Application:
    """An ASGI application in front of a gateway.

    Args:
        max_concurrent: the number of requests that are handled at the same time, each in a thread.
        max_waiting: the number of requests that may wait for a thread.
        wait_seconds: how long a request may wait.
        body_seconds: how long a client may take to send a body.
    """

    def __init__(
        self,
        gateway: Gateway,
        max_concurrent: int = MAX_CONCURRENT,
        max_waiting: int = MAX_WAITING,
        wait_seconds: float = WAIT_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._gateway = gateway
        self._threads = BoundedThreadPool(max_concurrent, max_waiting, wait_seconds)
        self._health_threads = BoundedThreadPool(HEALTH_THREADS, 0, 0)
        self._body_seconds = body_seconds

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Respond to one request."""
        request = _request(scope)
        result = self._gateway.route(request)
        if isinstance(result, Response):
            _send(send, result)
            return
        try:
            body = await self._body(request, receive)
        except HttpProblem as problem:
            _send(send, self._gateway.problem_response(request, problem, result))
        else:
            await self._respond(request, result, body, send)

    async def _body(self, request: Request, receive: Receive) -> bytes:
        if not request.headers.keys() & _BODY_HEADERS:
            return b""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _read(receive)
        except TimeoutError as error:
            raise HttpProblem(408, f"body: did not arrive in {self._body_seconds:.0f} s") from error

    async def _respond(self, request: Request, match: Match, body: bytes, send: Send) -> None:
        """Respond in a thread, and wait for it; with 503 if no thread is free in time."""
        is_health = request.path == HEALTH and not self._health_threads.full
        threads = self._health_threads if is_health else self._threads
        arrived = time.perf_counter()

        def respond() -> None:
            waited = time.perf_counter() - arrived
            _send(send, self._gateway.respond(request, match, body, waited))

        try:
            await threads.run(respond)
        except HttpProblem as problem:
            waited = time.perf_counter() - arrived
            _send(send, self._gateway.problem_response(request, problem, match, waited))


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpProblem(400, "body: is incomplete; the connection ended early")
        body += message.get("body", b"")
        check_length(len(body))
        more = message.get("more_body", False)
    return bytes(body)


def _request(scope: dict[str, Any]) -> Request:
    headers: dict[str, str] = {}
    repeated = []
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if key in headers:
            repeated.append(key)
            text = f"{headers[key]}, {text}"
        headers[key] = text
    headers["x-forwarded-proto"] = scope["scheme"]
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("utf-8", "replace"),
        query=scope["query_string"].decode("utf-8", "replace"),
        headers=headers,
        client=scope["client"][0],
        protocol=f"HTTP/{scope['http_version']}",
        repeated=repeated,
    )


def _send(send: Send, response: Response) -> None:
    """Send a response. Can be called from any thread: granian's `send` need not be awaited."""
    lines = [(b"server", b"billet")]
    for name, value in response.header_lines():
        lines.append((name.lower().encode("latin-1"), value.encode("latin-1", "replace")))
    send({"type": "http.response.start", "status": response.status, "headers": lines})
    send({"type": "http.response.body", "body": response.body})
