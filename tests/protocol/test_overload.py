"""Under overload, requests succeed or get an immediate 503."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest
from chalice.app import Response

from billet.serve.asgi import HEALTH_THREADS, Application
from billet.serve.embedded import serving
from billet.serve.gateway import Gateway
from chalicelib.app_factory import BilletApp
from chalicelib.settings import Settings
from tests.support.raw_http import CROWD, HEALTH, assert_busy, create_task, read_responses, send_raw

pytestmark = pytest.mark.backend("moto")

LONG = 240.0
"""Seconds; longer than any operation in these tests."""
WORK = b"GET /work HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Slow:
    """An app with a route that blocks until it is released."""

    def __init__(self) -> None:
        self.app = BilletApp(Settings())
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.app.route("/work")(self._work)
        del self.app.routes["/v1/health"]
        self.app.route("/v1/health", name="health")(self._work)

    def _work(self) -> str:
        self.begun.release()
        assert self.may_end.wait(LONG)
        return "done"


def test_requests_beyond_the_queue_get_an_immediate_503() -> None:
    slow = Slow()
    with serving(Application(Gateway(slow.app), 8, 8, LONG)) as address, ExitStack() as stack:
        connections = [stack.enter_context(send_raw(address, WORK)) for _ in range(CROWD)]
        first = [slow.begun.acquire(timeout=LONG) for _ in range(8)]
        with ThreadPoolExecutor(CROWD) as readers:
            found = [readers.submit(read_responses, one, ["GET"]) for one in connections]
            refused = CROWD - 16
            ended = threading.Semaphore(0)
            for one in found:
                one.add_done_callback(lambda _: ended.release())
            assert all(ended.acquire(timeout=LONG) for _ in range(refused))
            early = [one.result()[0] for one in found if one.done()]
            slow.may_end.set()
            statuses = sorted(one.result()[0][0] for one in found)
    assert all(first)
    for response in early:
        assert_busy(response)
    assert statuses == [200] * 16 + [503] * refused


def test_a_busy_server_responds_to_a_few_health_checks_immediately() -> None:
    slow = Slow()
    with serving(Application(Gateway(slow.app), 1, 0, LONG)) as address, ExitStack() as stack:
        connections = []
        for data in (WORK, *[HEALTH] * HEALTH_THREADS):
            connections.append(stack.enter_context(send_raw(address, data)))
            assert slow.begun.acquire(timeout=LONG)
        for data in (WORK, HEALTH):
            with send_raw(address, data) as refused:
                assert_busy(read_responses(refused, ["GET"])[0])
        slow.may_end.set()
        assert {read_responses(one, ["GET"])[0][0] for one in connections} == {200}


def test_a_queued_request_times_out_with_503_and_keeps_the_connection() -> None:
    slow = Slow()
    with (
        serving(Application(Gateway(slow.app), 1, 1, 0)) as address,
        send_raw(address, WORK) as at_work,
    ):
        assert slow.begun.acquire(timeout=LONG)
        with send_raw(address, WORK) as waiting:
            assert_busy(read_responses(waiting, ["GET"])[0])
            slow.may_end.set()
            assert read_responses(at_work, ["GET"])[0][0] == 200
            waiting.sendall(HEALTH)  # the thread of WORK may not be free yet
            assert read_responses(waiting, ["GET"])[0][2] == b"done"


def test_an_unsendable_response_is_a_500_and_the_thread_continues() -> None:
    broken = BilletApp(Settings())
    broken.route("/work")(lambda: Response("", {"two words": "x"}))
    broken.route("/fine")(lambda: "done")
    with (
        serving(Application(Gateway(broken), 1, 1, LONG)) as address,
        send_raw(address, WORK) as connection,
    ):
        assert read_responses(connection, ["GET"])[0][0] == 500
        connection.sendall(b"GET /fine HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_responses(connection, ["GET"])[0][2] == b"done"


@pytest.mark.usefixtures("database")
def test_under_overload_only_acknowledged_writes_are_stored(
    application: BilletApp,
) -> None:
    with serving(Application(Gateway(application), 4, 4, LONG)) as address:
        with ThreadPoolExecutor(CROWD) as clients:
            responses = list(clients.map(partial(create_task, address), range(CROWD)))
        with send_raw(
            address, b"GET /v1/tasks?page_size=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ) as connection:
            listed = json.loads(read_responses(connection, ["GET"])[0][2])
    made = {
        (response[1], str(name)) for name, response in enumerate(responses) if response[0] == 201
    }
    assert {response[0] for response in responses} <= {201, 503}
    assert made
    assert sorted(made) == sorted((task["id"], task["name"]) for task in listed)
