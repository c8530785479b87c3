"""The local server: Chalice's own, with a handler that answers as an HTTP server should."""

import sys
from contextlib import suppress
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalChalice, LocalDevServer, ThreadedHTTPServer, create_local_server

from billet.serve.connections import Connections
from billet.serve.gate import Gate
from billet.serve.handler import BUSY, Handler
from chalicelib.api import problems

FINISH_SECONDS = 10.0
_BUSY = problems.body(503, BUSY)
NO_ROOM = (
    f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {problems.CONTENT_TYPE}\r\n"
    f"Retry-After: {problems.MOST_RETRY_AFTER}\r\nConnection: close\r\n"
    f"Content-Length: {len(_BUSY)}\r\n\r\n"
).encode() + _BUSY
"""The answer to whoever finds no room, before a request is read."""


class _HTTPServer(ThreadedHTTPServer):
    request_queue_size = 512  # the stock 5 refuses connections when a few clients come at once
    allow_reuse_address = True
    connections: Connections

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for the connection. Where there is none, its client is told so."""
        if self.connections.admit(request):
            return True
        with suppress(OSError):
            request.setblocking(False)
            request.sendall(NO_ROOM)
            request.recv(64 * 1024)  # what is left unread may have the answer thrown away
        return False

    def close_request(self, request: Any) -> None:
        """Closes a connection."""
        self.connections.forget(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tells of a failure of ours; a client that went away is no news."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server:
    """Serves an app. Listens from when it is made, answers while `serve_until_stopped` runs."""

    def __init__(
        self,
        app: Chalice,
        host: str,
        port: int,
        gate: Gate | None = None,
        connections: Connections | None = None,
    ) -> None:
        self._gate = gate or Gate()
        self._connections = connections or Connections()
        config = Config.create(lambda_timeout=60)
        if not isinstance(app, LocalChalice):
            # This gives the app a current_request for each thread; its server is not ours.
            create_local_server(app, config, host, 0).server.server_close()
        local = LocalDevServer(app, config, host, port, self._handler, _HTTPServer)
        self._server = local.server
        self._server.connections = self._connections
        self.address = f"{'localhost' if host == '127.0.0.1' else host}:{self._server.server_port}"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.server_close()

    def serve_until_stopped(self) -> None:
        """Answers until KeyboardInterrupt or `stop`; then finishes what is in flight, for 10 s."""
        try:
            self._server.serve_forever(poll_interval=0.1)
        finally:
            with suppress(KeyboardInterrupt):
                self._connections.await_idle(FINISH_SECONDS)

    def stop(self) -> None:
        """Makes another thread's `serve_until_stopped` return."""
        self._server.shutdown()

    def _handler(self, *arguments: Any, **named: Any) -> Handler:
        return Handler(*arguments, connections=self._connections, gate=self._gate, **named)
