"""Run the server in a thread of this process, for tests and `billet bench`."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from granian.constants import Interfaces
from granian.server.embed import Server

from billet.serve.asgi import Application
from billet.serve.listening import LIMITS, await_response, reserve_port

HOST = "127.0.0.1"


@contextmanager
def serving(application: Application, port: int = 0) -> Iterator[str]:
    """Serve within the block, and yield the address, for example "localhost:3000"."""
    with reserve_port(HOST, port) as reserved:
        thread = _ServerThread(application, reserved)
        thread.start()
        try:
            await_response(HOST, reserved, tls=False)
            yield f"localhost:{reserved}"
        finally:
            thread.stop()
            thread.join()


class _ServerThread(threading.Thread):
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
