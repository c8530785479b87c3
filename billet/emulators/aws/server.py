"""The HTTP server: execute-api by its Host, everything else by moto."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

from moto import mock_aws
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request

from billet.emulators.aws import execute_api, stacks
from billet.emulators.aws.functions import Functions

Environ = dict[str, Any]


class Server:
    """Serves in threads of this process. Use it as a context manager.

    Raises:
        OSError: the port is in use.
    """

    def __init__(self, port: int) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._server = make_server(
            "127.0.0.1", port, self._respond, threaded=True, request_handler=_Handler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._functions = Functions(self.url)
        self.log = self._functions.log
        self._services = mock_aws()  # resources.py calls the services within this process
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        stacks.install()
        setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)  # noqa: B010
        self._services.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._functions.close()

    def _respond(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        if execute_api.HOST.match(environ.get("HTTP_HOST", "")):
            return self._execute(environ, start)
        with self._lock:  # moto does not isolate threads
            return list(self._moto(environ, start))

    def _execute(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        path, _, query = str(environ["RAW_URI"]).partition("?")
        response = execute_api.respond(
            execute_api.Request(
                method=request.method,
                host=request.host,
                path=path,
                query=query,
                headers=dict(request.headers),
                client=request.remote_addr or "",
                body=request.get_data(),
            ),
            self._functions,
        )
        start(f"{response.status} -", response.headers)
        return [response.body]


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
