"""Slow clients do not delay other clients."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.parse import urlsplit

import psutil
import pytest

from billet.serve.asgi import Application
from billet.serve.embedded import serving
from billet.serve.gateway import Gateway
from chalicelib.app_factory import BilletApp
from tests.support.raw_http import CROWD, HEALTH, create_task, read_responses, send_raw
from tests.support.servers import Served

pytestmark = pytest.mark.backend("moto")

HEAD = b"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
PAGE = b"GET /docs/swagger-ui.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
MAX_GROWTH = 50 * 1024 * 1024
READERS = 16
HEADS = 60
LONG = 250.0
"""Seconds; longer than any operation in these tests."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Start a server with default settings."""
    served = Served("--db", "memory", "--workers", "2")
    yield served
    served.stop()


def address(served: Served) -> str:
    return urlsplit(served.url).netloc


def assert_served(address: str) -> None:
    for _ in range(20):
        with send_raw(address, HEALTH) as connection:
            assert read_responses(connection, ["GET"])[0][0] == 200


@contextmanager
def idle_connections(address: str, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that send this data, then neither send nor read."""
    with ExitStack() as stack:
        yield [stack.enter_context(send_raw(address, data)) for _ in range(count)]


def test_clients_that_do_not_read_do_not_delay_others(served: Served) -> None:
    with idle_connections(address(served), READERS, PAGE * 6):
        assert_served(address(served))


def test_unfinished_bodies_do_not_delay_others(served: Served) -> None:
    with idle_connections(address(served), 4 * READERS, HEAD + b"1\r\n{\r\n"):
        assert_served(address(served))


def test_idle_connections_and_unfinished_heads_do_not_delay_others(served: Served) -> None:
    with (
        idle_connections(address(served), 128, b""),
        idle_connections(address(served), 128, HEAD[:-2]),
    ):
        assert_served(address(served))


def test_two_overloaded_workers_store_only_acknowledged_writes(
    served: Served,
) -> None:
    with ThreadPoolExecutor(CROWD) as clients:
        responses = list(clients.map(partial(create_task, address(served)), range(CROWD)))
    assert {response[0] for response in responses} <= {201, 503}
    made = {
        (response[1], str(name)) for name, response in enumerate(responses) if response[0] == 201
    }
    listed = served.request("GET", "/v1/tasks?page_size=1000").json()
    assert made
    assert sorted(made) == sorted((task["id"], task["name"]) for task in listed)


def memory(served: Served) -> int:
    parent = psutil.Process(served.process.pid)
    return sum(one.memory_info().rss for one in (parent, *parent.children(recursive=True)))


def test_unfinished_heads_use_little_memory(served: Served) -> None:
    assert_served(address(served))
    before = memory(served)
    line = b"X: " + b"a" * 60_000 + b"\r\n"
    with ExitStack() as stack:
        for _ in range(HEADS):
            connection = stack.enter_context(send_raw(address(served), HEAD[:-2]))
            connection.settimeout(10)
            try:
                for _ in range(100):
                    connection.sendall(line)
            except OSError:
                continue  # rejected, as expected
        assert_served(address(served))
        assert memory(served) - before < MAX_GROWTH


@pytest.mark.usefixtures("database")
def test_an_upload_under_load_is_carried_out(application: BilletApp) -> None:
    server = Application(Gateway(application), max_concurrent=1, max_waiting=100, wait_seconds=LONG)
    body = json.dumps({"name": "x", "desc": "y" * 9_000}).encode()
    length = f"Content-Length: {len(body)}"
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode()
    with serving(server) as address, ExitStack() as stack:
        crowd = [stack.enter_context(send_raw(address, head + body[:7])) for _ in range(32)]
        for one in crowd:
            one.settimeout(LONG)
            one.sendall(body[7:])
        statuses = [read_responses(one, ["POST"])[0][0] for one in crowd]
    assert statuses == [201] * 32


@pytest.mark.usefixtures("database")
def test_a_slow_body_is_rejected(application: BilletApp) -> None:
    server = Application(Gateway(application), body_seconds=0.1)
    with serving(server) as address, send_raw(address, HEAD + b"1\r\n{\r\n") as connection:
        [(status, headers, body)] = read_responses(connection, ["POST"])
    assert status == 408
    assert headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["detail"].startswith("body: ")


def test_a_body_in_one_byte_chunks_is_read_completely(application: BilletApp) -> None:
    server = Application(Gateway(application), body_seconds=LONG)
    chunks = b"1\r\n \r\n" * 4096  # on a busy core, each takes milliseconds
    with serving(server) as address, send_raw(address, HEAD + chunks + b"0\r\n\r\n") as connection:
        connection.settimeout(LONG)
        [(status, _, body)] = read_responses(connection, ["POST"])
    assert (status, json.loads(body)["detail"]) == (
        400,
        "body: must be valid JSON; syntax error at line 1, column 4097",
    )
