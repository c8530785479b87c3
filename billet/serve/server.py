"""The local server: Chalice's own, with a handler that answers as an HTTP server should."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalChalice, LocalDevServer, ThreadedHTTPServer, create_local_server

from billet.serve.handler import Handler

FINISH_SECONDS = 10.0


class _HTTPServer(ThreadedHTTPServer):
    request_queue_size = 128  # the stock 5 refuses connections when a few clients come at once
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tells of a failure of ours; a client that went away is no news."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server:
    """Serves an app. Listens from when it is made, answers while `serve_until_stopped` runs."""

    def __init__(self, app: Chalice, host: str, port: int) -> None:
        config = Config.create(lambda_timeout=60)
        if not isinstance(app, LocalChalice):
            # This gives the app a current_request for each thread; its server is not ours.
            create_local_server(app, config, host, 0).server.server_close()
        local = LocalDevServer(app, config, host, port, self._handler, _HTTPServer)
        self._server = local.server
        self._busy = 0
        self._changed = threading.Condition()
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
            with suppress(KeyboardInterrupt), self._changed:
                self._changed.wait_for(lambda: self._busy == 0, FINISH_SECONDS)

    def stop(self) -> None:
        """Makes another thread's `serve_until_stopped` return."""
        self._server.shutdown()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Counts a request in flight."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _handler(self, *arguments: Any, **named: Any) -> Handler:
        return Handler(*arguments, at_work=self.at_work, **named)
