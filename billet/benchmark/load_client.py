"""A process that sends one HTTP request repeatedly over many connections.

    python -m billet.benchmark.load_client

Reads a Load as JSON from standard input, and writes a LoadResult to standard output.
"""

import json
import re
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass

_CONTENT_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass
class Load:
    """A request, the number of parallel connections, and the duration in seconds."""

    host: str
    port: int
    method: str
    path: str
    body: str
    connections: int
    seconds: float
    keep_alive: bool


@dataclass
class LoadResult:
    """The duration of a load, and of each response with a 2xx status, in seconds."""

    seconds: float
    samples: list[float]
    errors: int
    """Responses with another status, and failed connections."""

    def add(self, other: "LoadResult") -> None:
        """Add the result of another load."""
        self.seconds += other.seconds
        self.samples += other.samples
        self.errors += other.errors

    @property
    def rate(self) -> float:
        """Successful requests per second."""
        return len(self.samples) / self.seconds


class _Client(threading.Thread):
    """A connection that sends the request until the load's time is over."""

    def __init__(self, load: Load, start: threading.Barrier) -> None:
        super().__init__()
        self._load, self._start = load, start
        body = load.body.encode()
        connection = "keep-alive" if load.keep_alive else "close"
        head = (
            f"{load.method} {load.path} HTTP/1.1\r\nHost: {load.host}\r\n"
            f"Connection: {connection}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._connection: socket.socket | None = None
        self.samples: list[float] = []
        self.errors = 0

    def run(self) -> None:
        self._start.wait()
        end = time.perf_counter() + self._load.seconds
        while (begin := time.perf_counter()) < end:
            try:
                succeeded = self._send()
            except OSError:
                succeeded, self._connection = False, None
            if succeeded:
                self.samples.append(time.perf_counter() - begin)
            else:
                self.errors += 1

    def _send(self) -> bool:
        connection = self._connection or self._connect()
        connection.sendall(self._request)
        response = connection.recv(65536)
        head_end = response.find(b"\r\n\r\n")
        while head_end < 0 and (chunk := connection.recv(65536)):
            response += chunk
            head_end = response.find(b"\r\n\r\n")
        length = _CONTENT_LENGTH.search(response, 0, head_end)
        missing = head_end + 4 + int(length[1] if length else 0) - len(response)
        while missing > 0 and (chunk := connection.recv(65536)):
            missing -= len(chunk)
        if not self._load.keep_alive:
            connection.close()
            self._connection = None
        return missing == 0 and response.startswith(b"HTTP/1.1 2")

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._load.host, self._load.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        return connection


def run(load: Load) -> LoadResult:
    """Send the load, and wait for the last response."""
    start = threading.Barrier(load.connections + 1)
    clients = [_Client(load, start) for _ in range(load.connections)]
    for client in clients:
        client.start()
    start.wait()
    begin = time.perf_counter()
    for client in clients:
        client.join()
    samples = [sample for client in clients for sample in client.samples]
    errors = sum(client.errors for client in clients)
    return LoadResult(time.perf_counter() - begin, samples, errors)


if __name__ == "__main__":
    json.dump(asdict(run(Load(**json.load(sys.stdin)))), sys.stdout)
