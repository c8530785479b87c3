"""The servers that clients send requests to, as behind a load balancer."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.support.servers import ServerProcess

DRAIN_SECONDS = 60


class Fleet:
    """A set of servers that changes while clients send requests."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._in_flight: Counter[int] = Counter()
        self._ports: list[int] = []
        self.phase = ""
        """What is being done, for the reports of failures."""

    def add(self, server: ServerProcess) -> None:
        """Let clients use a server from now on."""
        with self._changed:
            self._ports.append(_port(server))

    def drain(self, server: ServerProcess) -> None:
        """Let no client use a server any more, and wait until its requests have ended."""
        port = _port(server)
        with self._changed:
            self._ports.remove(port)
            assert self._changed.wait_for(lambda: not self._in_flight[port], DRAIN_SECONDS)

    @contextmanager
    def choose(self, chance: random.Random) -> Iterator[int]:
        """Yield the port of a server, which is not drained within the block."""
        with self._changed:
            port = chance.choice(self._ports)
            self._in_flight[port] += 1
        try:
            yield port
        finally:
            with self._changed:
                self._in_flight[port] -= 1
                self._changed.notify_all()


def _port(server: ServerProcess) -> int:
    return int(urlsplit(server.url).port or 0)
