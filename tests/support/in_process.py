"""Transports of httpx that need no server: they call the app, and can fail as networks do."""

from collections import deque
from collections.abc import Callable

import httpx

from billet.serve.gateway import Gateway, Request, Response
from chalicelib.app_factory import BilletApp

ADDRESS = "http://localhost"
Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]
"""Takes the request and what sends it, and returns or raises what the client sees of it."""


class InProcess(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Passes requests to an app, with the gateway of `billet serve`."""

    def __init__(self, application: BilletApp) -> None:
        self._gateway = Gateway(application)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.respond(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.respond(request, await request.aread())

    def respond(self, request: httpx.Request, body: bytes) -> httpx.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        head = Request(request.method, path, query, headers, client="127.0.0.1")
        routed = self._gateway.route(head)
        if not isinstance(routed, Response):
            routed = self._gateway.respond(head, routed, body)
        content = b"" if request.method == "HEAD" else routed.body
        return httpx.Response(routed.status, headers=routed.header_lines(), content=content)


class Faulty(InProcess):
    """The same, with a fault for each of the next requests, and a list of those that were sent."""

    def __init__(self, application: BilletApp) -> None:
        super().__init__(application)
        self.faults: deque[Fault] = deque()
        self.sent: list[httpx.Request] = []

    def respond(self, request: httpx.Request, body: bytes) -> httpx.Response:
        self.sent.append(request)
        send = super().respond
        if self.faults:
            return self.faults.popleft()(request, lambda: send(request, body))
        return send(request, body)


def lost_request(request: httpx.Request, _: Callable[[], httpx.Response]) -> httpx.Response:
    raise httpx.ConnectTimeout("timed out", request=request)


def lost_reply(request: httpx.Request, send: Callable[[], httpx.Response]) -> httpx.Response:
    """Lose the response to a request that the app has handled."""
    send()
    raise httpx.ReadTimeout("timed out", request=request)


def answer(
    status: int, content: bytes = b"", content_type: str = "text/html", **headers: str
) -> Fault:
    """Return a fault: something else than the app responds."""
    sent = {"Content-Type": content_type} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return lambda *_: httpx.Response(status, headers=sent, content=content)
