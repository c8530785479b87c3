"""A TCP proxy to the database that can inject network faults."""

import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any
from urllib.parse import urlsplit

Ask = partial[bytes]
"""A call that forwards its argument, the request, and returns the reply."""
Way = Callable[[Ask, socket.socket], None]
"""Handles a request, given a function that forwards it and the connection to the API."""

REFUSAL = b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}'
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Over(Exception):
    """Raised to close the connection."""


def relay(ask: Ask, connection: socket.socket) -> None:
    connection.sendall(ask())


def silent(ask: Ask, connection: socket.socket) -> None:
    connection.recv(1)  # returns when the API closes the connection


def late(ask: Ask, connection: socket.socket) -> None:
    ask()
    connection.recv(1)


def resetting(ask: Ask, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()
    raise _Over


def resetting_midway(ask: Ask, connection: socket.socket) -> None:
    reply = ask()
    connection.sendall(reply[: len(reply) - 3])
    resetting(ask, connection)


def ending_midway(ask: Ask, connection: socket.socket) -> None:
    reply = ask()
    connection.sendall(reply[: len(reply) - 3])
    raise _Over


def throttling(ask: Ask, connection: socket.socket) -> None:
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(REFUSAL)}\r\n\r\n"
    connection.sendall(head.encode() + REFUSAL)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Proxy:
    """A proxy to a database that handles requests by its `way`. It listens while `open`.

    Args:
        url: the database.
        port: where to listen; reserved, so that nobody else listens there in the meantime.
    """

    def __init__(self, url: str, port: int) -> None:
        target = urlsplit(url)
        self._target = (target.hostname, target.port)
        self._port = port
        self._connections: set[socket.socket] = set()
        self.way: Way = relay
        self.request_count = 0
        """The number of requests received."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen. Afterwards connections are refused or reset."""
        with _Server(("127.0.0.1", self._port), self._relay) as server:  # type: ignore[arg-type]
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join(timeout=30)
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _relay(self, connection: socket.socket, *_: Any) -> None:
        self._connections.add(connection)
        with (
            suppress(OSError, _Over),
            connection.makefile("rb") as requests,
            socket.create_connection(self._target) as database,
            database.makefile("rb") as replies,
        ):
            while request := _message(requests):
                self.request_count += 1
                self.way(partial(_forward, request, database, replies), connection)
        self._connections.discard(connection)


def _forward(request: bytes, database: socket.socket, replies: IO[bytes]) -> bytes:
    database.sendall(request)
    return _message(replies)


def _message(stream: IO[bytes]) -> bytes:
    """Return the next request or response, or b"" at the end."""
    message = b""
    while (line := stream.readline()) not in (b"", b"\r\n"):
        message += line
    if re.search(rb"(?i)\ntransfer-encoding: *chunked", message):
        return message + line + b"".join(_chunks(stream))
    length = re.search(rb"(?i)\ncontent-length: *(\d+)", message)
    return message and message + line + stream.read(int(length[1]) if length else 0)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the parts of a chunked body as they are sent (RFC 9112, section 7.1)."""
    size = 1
    while size:
        head = stream.readline()
        size = int(head.partition(b";")[0] or b"0", 16)
        yield head + stream.read(size + 2)
