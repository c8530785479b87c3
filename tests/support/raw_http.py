"""HTTP over a plain socket, for requests that no HTTP library sends."""

import http.client
import json
import socket

import httpx

CROWD = 256
"""The number of concurrent clients."""
HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"

RawResponse = tuple[int, httpx.Headers, bytes]
"""Status, headers and body."""


def send_raw(address: str, data: bytes) -> socket.socket:
    """Connect to `host:port`, send the bytes, and return the open connection."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=240)
    connection.sendall(data)
    return connection


def read_responses(connection: socket.socket, methods: list[str]) -> list[RawResponse]:
    """Read one response for each request, whose method tells whether it has a body."""
    found = []
    stream = connection.makefile("rb")
    for method in methods:
        status = int(stream.readline().split()[1])
        headers = http.client.parse_headers(stream)
        length = 0 if method == "HEAD" else int(headers.get("Content-Length", 0))
        found.append((status, httpx.Headers(list(headers.items())), stream.read(length)))
    return found


def create_task(address: str, number: int) -> tuple[int, int | None]:
    """Create a task that is named by the number; return the status and the id (None for a 503)."""
    body = json.dumps({"name": str(number)})
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with send_raw(address, (head + body).encode()) as connection:
        [response] = read_responses(connection, ["POST"])
    if response[0] == 503:
        assert_busy(response)
        return 503, None
    return response[0], json.loads(response[2])["payload"]["id"]


def assert_busy(response: RawResponse) -> None:
    """Assert that the response is a 503 that says when to try again."""
    status, headers, body = response
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(headers["Retry-After"]) <= 3
    assert json.loads(body)["detail"] == "the server is busy; try again"
