"""The open connections of `billet serve`, and how many there may be."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MOST = 512
"""Well below the 1,024 open files that a process may usually have."""


class Connections:
    """Which connections are open, and which of them have a request at work.

    The others are idle. Where there are too many, the one that has been so for longest is closed:
    clients who keep connections, or never end a request, keep nobody out.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._idle: dict[socket.socket, None] = {}  # in the order in which they became so
        self._busy: set[socket.socket] = set()
        self._changed = threading.Condition()

    def admit(self, connection: socket.socket) -> bool:
        """Takes in a new connection; False where there is no room, and none is idle."""
        with self._changed:
            if len(self._idle) + len(self._busy) >= self._most and not self._close_idlest():
                return False
            self._idle[connection] = None
            return True

    def forget(self, connection: socket.socket) -> None:
        """The connection is closed."""
        with self._changed:
            self._idle.pop(connection, None)

    @contextmanager
    def at_work(self, connection: socket.socket) -> Iterator[None]:
        """A request of the connection is at work in this block.

        Raises:
            ConnectionAbortedError: the connection was closed to make room. What was read of the
                request may be a part of it.
        """
        with self._changed:
            if connection not in self._idle:
                raise ConnectionAbortedError
            del self._idle[connection]
            self._busy.add(connection)
        try:
            yield
        finally:
            with self._changed:
                self._busy.remove(connection)
                self._idle[connection] = None
                self._changed.notify_all()

    def await_idle(self, seconds: float) -> None:
        """Waits until no request is at work, but no longer than this."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, seconds)

    def _close_idlest(self) -> bool:
        idlest = next(iter(self._idle), None)
        if idlest is None:
            return False
        del self._idle[idlest]
        with suppress(OSError):
            idlest.shutdown(socket.SHUT_RD)  # its thread reads the end, and closes it
        return True
