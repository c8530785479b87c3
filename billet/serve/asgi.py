"""The front end for granian: reads bodies outside of the threads that work, and sheds load.

granian speaks ASGI to it rather than WSGI, because only then does a body that is cut off look
different from one that has ended, and a client that sends slowly hold no thread (docs/decisions,
0040).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from billet.serve.gateway import Gateway, Request, Response, check_length
from billet.serve.routes import Match
from billet.serve.worker_pool import WorkerPool
from chalicelib.http.problems import HttpProblem

AT_WORK = 16
WAITING = 112
WAIT_SECONDS = 10.0
BODY_SECONDS = 60.0
HEALTH = "/v1/health"
HEALTH_PLACES = 4
"""How many health checks work at once beside all other requests, so that a busy server stays
healthy to whoever would restart it. More of them wait as other requests do."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], object]


class Application:
    """An ASGI application in front of a Chalice app.

    Args:
        at_work: how many requests work at once, each in a thread.
        waiting: how many more may wait for one of those to end.
        wait_seconds: for how long they may.
        body_seconds: how long a client may take to send a body.
    """

    def __init__(
        self,
        gateway: Gateway,
        at_work: int = AT_WORK,
        waiting: int = WAITING,
        wait_seconds: float = WAIT_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._gateway = gateway
        self._workers = WorkerPool(at_work, waiting, wait_seconds)
        self._health_workers = WorkerPool(HEALTH_PLACES, 0, 0)
        self._body_seconds = body_seconds

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Respond to one request."""
        asked = _request(scope)
        found = self._gateway.respond_to_head(asked)
        if isinstance(found, Response):
            _send(send, found)
            return
        try:
            body = await self._body(asked, receive)
            await self._respond(asked, found, body, send)
        except HttpProblem as refusal:
            _send(send, self._gateway.refuse(asked, refusal))

    async def _body(self, asked: Request, receive: Receive) -> bytes:
        if asked.protocol != "HTTP/2" and not asked.headers.keys() & _BODY:
            return b""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _read(receive)
        except TimeoutError as error:
            raise HttpProblem(408, f"body: did not arrive in {self._body_seconds:.0f} s") from error

    async def _respond(self, asked: Request, match: Match, body: bytes, send: Send) -> None:
        """Have a thread respond, and wait until it has."""
        is_health = asked.path == HEALTH and not self._health_workers.full
        workers = self._health_workers if is_health else self._workers
        await workers.run(lambda: _send(send, self._gateway.respond(asked, match, body)))


_BODY = {"content-length", "transfer-encoding"}


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpProblem(400, "body: it was cut off")
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
    """Send a response, from any thread: granian passes it on at once, nothing has to be awaited."""
    lines = [(b"server", b"billet")]
    for name, value in response.header_lines():
        lines.append((name.lower().encode("latin-1"), value.encode("latin-1", "replace")))
    send({"type": "http.response.start", "status": response.status, "headers": lines})
    send({"type": "http.response.body", "body": response.body})
