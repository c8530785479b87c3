"""The front end for granian: reads bodies outside of the threads that work, and sheds load.

granian speaks ASGI to it rather than WSGI, because only then does a body that is cut off look
different from one that has ended, and a client that sends slowly hold no thread (docs/decisions,
0040).
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from billet.serve.gateway import Gateway, Request, Response, check_length
from chalicelib.http import problems
from chalicelib.http.problems import HttpProblem

AT_WORK = 16
WAITING = 112
WAIT_SECONDS = 10.0
BODY_SECONDS = 60.0
HEALTH = "/v1/health"
HEALTH_PLACES = 4
"""How many health checks work at once beside all other requests, so that a busy server stays
healthy to whoever would restart it. More of them wait as other requests do."""
BUSY = "the server is busy; try again"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


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
        self._threads = ThreadPoolExecutor(at_work, "work")
        self._work = asyncio.Semaphore(at_work)
        self._places = at_work + waiting
        self._health_threads = ThreadPoolExecutor(HEALTH_PLACES, "health")
        self._health_places = HEALTH_PLACES
        self._wait_seconds = wait_seconds
        self._body_seconds = body_seconds

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Respond to one request."""
        asked = _request(scope)
        response = self._gateway.respond_to_head(asked)
        if response is None:
            try:
                response = await self._respond(asked, await self._body(asked, receive))
            except HttpProblem as refusal:
                response = self._gateway.refuse(asked, refusal)
        await _send(send, response)

    async def _body(self, asked: Request, receive: Receive) -> bytes:
        if asked.protocol != "HTTP/2" and not asked.headers.keys() & _BODY:
            return b""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _read(receive)
        except TimeoutError as error:
            raise HttpProblem(408, f"body: did not arrive in {self._body_seconds:.0f} s") from error

    async def _respond_to_health(self, asked: Request) -> Response:
        self._health_places -= 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._health_threads, self._gateway.respond, asked, b""
            )
        finally:
            self._health_places += 1

    async def _respond(self, asked: Request, body: bytes) -> Response:
        if asked.path == HEALTH and not body and self._health_places > 0:
            return await self._respond_to_health(asked)
        if self._places <= 0:
            raise _busy()
        self._places -= 1
        try:
            await self._enter()
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, self._gateway.respond, asked, body)
            finally:
                self._work.release()
        finally:
            self._places += 1

    async def _enter(self) -> None:
        if not self._work.locked():
            await self._work.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._work.acquire()
        except TimeoutError as error:
            raise _busy() from error


_BODY = {"content-length", "transfer-encoding"}


def _busy() -> HttpProblem:
    return HttpProblem(503, BUSY, headers=problems.retry_after())


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


async def _send(send: Send, response: Response) -> None:
    lines = [(b"server", b"billet")]
    for name, value in response.header_lines():
        lines.append((name.lower().encode("latin-1"), value.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": response.status, "headers": lines})
    await send({"type": "http.response.body", "body": response.body})
