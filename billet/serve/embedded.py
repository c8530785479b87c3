"""A server in this process, on a thread of its own: for tests and `billet bench`."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from granian.constants import Interfaces
from granian.server.embed import Server

from billet.serve.asgi import Application
from billet.serve.listening import LIMITS, answering, reserved

HOST = "127.0.0.1"


@contextmanager
def serving(application: Application, port: int = 0) -> Iterator[str]:
    """Serve in this block; give the address."""
    with reserved(HOST, port) as free:
        thread = _Thread(application, free)
        thread.start()
        try:
            answering(HOST, free, tls=False)
            yield f"localhost:{free}"
        finally:
            thread.stop()
            thread.join()


class _Thread(threading.Thread):
    def __init__(self, application: Application, port: int) -> None:
        super().__init__(name="server")
        self._application = application
        self._port = port
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        logging.getLogger("_granian").setLevel(logging.ERROR)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._server = Server(
            self._application,
            address=HOST,
            port=self._port,
            interface=Interfaces.ASGINL,
            log_enabled=False,
            **LIMITS,
        )
        await self._server.serve()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
