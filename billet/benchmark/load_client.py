"""A process that sends one request again and again.

    python -m billet.benchmark.load_client

Reads a Load from standard input as JSON, and writes a Result to standard output.
"""

import json
import re
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass
class Load:
    """What to send, over how many connections at once, and for how many seconds."""

    host: str
    port: int
    method: str
    path: str
    body: str
    connections: int
    seconds: float
    keep_alive: bool


@dataclass
class Result:
    """How long each answer took, in seconds, and how many answers were no 2xx or none at all."""

    seconds: float
    samples: list[float]
    errors: int

    def add(self, other: "Result") -> None:
        """Takes in what another load met."""
        self.seconds += other.seconds
        self.samples += other.samples
        self.errors += other.errors


class _Client(threading.Thread):
    def __init__(self, load: Load, start: threading.Barrier) -> None:
        super().__init__()
        self._load, self._start = load, start
        body = load.body.encode()
        kept = "keep-alive" if load.keep_alive else "close"
        head = (
            f"{load.method} {load.path} HTTP/1.1\r\nHost: {load.host}\r\nConnection: {kept}\r\n"
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
                good = self._ask()
            except OSError:
                good, self._connection = False, None
            if good:
                self.samples.append(time.perf_counter() - begin)
            else:
                self.errors += 1

    def _ask(self) -> bool:
        connection = self._connection or self._connect()
        connection.sendall(self._request)
        answer = connection.recv(65536)
        head_end = answer.find(b"\r\n\r\n")
        while head_end < 0 and (more := connection.recv(65536)):
            answer += more
            head_end = answer.find(b"\r\n\r\n")
        length = _LENGTH.search(answer, 0, head_end)
        missing = head_end + 4 + int(length[1] if length else 0) - len(answer)
        while missing > 0 and (more := connection.recv(65536)):
            missing -= len(more)
        if not self._load.keep_alive:
            connection.close()
            self._connection = None
        return missing == 0 and answer.startswith(b"HTTP/1.1 2")

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._load.host, self._load.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        return connection


def run(load: Load) -> Result:
    """Sends the load, and waits for its last answer."""
    start = threading.Barrier(load.connections + 1)
    clients = [_Client(load, start) for _ in range(load.connections)]
    for client in clients:
        client.start()
    start.wait()
    begin = time.perf_counter()
    for client in clients:
        client.join()
    samples = [sample for client in clients for sample in client.samples]
    return Result(time.perf_counter() - begin, samples, sum(client.errors for client in clients))


if __name__ == "__main__":
    json.dump(asdict(run(Load(**json.load(sys.stdin)))), sys.stdout)
