"""The moto server handles one request at a time."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import pytest
from moto.moto_server import werkzeug_app

from billet.emulators import moto_server

REQUESTS = 5


def test_all_requests_are_handled_in_the_thread_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handled_by: list[threading.Thread] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        handled_by.append(threading.current_thread())
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    monkeypatch.setattr(werkzeug_app, "DomainDispatcherApplication", lambda _: app)
    with moto_server.run() as url, ThreadPoolExecutor(REQUESTS) as clients:
        [server] = [thread for thread in threading.enumerate() if is_of(thread, url)]
        for response in clients.map(urlopen, [url] * REQUESTS):
            response.close()
    assert handled_by == [server] * REQUESTS


def is_of(thread: threading.Thread, url: str) -> bool:
    """Whether the thread runs the server at this URL."""
    serve: Any = getattr(thread, "_target", None)
    port: object = getattr(getattr(serve, "__self__", None), "server_port", None)
    return url.endswith(f":{port}")
