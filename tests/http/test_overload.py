"""A crowd: the answers that come are right, and the rest are clean 503s at once."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import httpx
import pytest
from chalice.app import Chalice

import app
from billet.serve.asgi import HEALTH_PLACES, Application
from billet.serve.embedded import serving
from billet.serve.gateway import Gateway
from tests.http.test_protocol import HEALTH, answers, converse

LONG = 60.0
"""Seconds that nothing here takes."""
CROWD = 256
WORK = b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n"
NOTHING = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"

ApiResponse = tuple[int, httpx.Headers, bytes]


@pytest.fixture
def backend() -> str:
    """Any database would do for what is tested here."""
    return "moto"


class Slow:
    """An app whose work does not end until it is told to."""

    def __init__(self) -> None:
        self.app = Chalice("slow")
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.app.route("/work")(self._work)
        self.app.route("/v1/health", name="health")(self._work)

    def _work(self) -> str:
        self.begun.release()
        assert self.may_end.wait(LONG)
        return "done"


def assert_refused(answer: ApiResponse) -> None:
    status, headers, body = answer
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(headers["Retry-After"]) <= 3
    assert json.loads(body)["detail"] == "the server is busy; try again"


def test_of_a_crowd_some_work_some_wait_and_the_rest_are_told_at_once_that_it_is_busy() -> None:
    slow = Slow()
    with serving(Application(Gateway(slow.app), 8, 8, LONG)) as address, ExitStack() as stack:
        connections = [stack.enter_context(converse(address, WORK)) for _ in range(CROWD)]
        first = [slow.begun.acquire(timeout=LONG) for _ in range(8)]
        with ThreadPoolExecutor(CROWD) as readers:
            found = [readers.submit(answers, one, ["GET"]) for one in connections]
            refused = CROWD - 16
            ended = threading.Semaphore(0)
            for one in found:
                one.add_done_callback(lambda _: ended.release())
            assert all(ended.acquire(timeout=LONG) for _ in range(refused))
            early = [one.result()[0] for one in found if one.done()]
            slow.may_end.set()
            statuses = sorted(one.result()[0][0] for one in found)
    assert all(first)
    for answer in early:
        assert_refused(answer)
    assert statuses == [200] * 16 + [503] * refused


def test_a_busy_server_answers_a_few_health_checks_at_once_and_the_rest_as_other_requests() -> None:
    slow = Slow()
    with serving(Application(Gateway(slow.app), 1, 0, LONG)) as address, ExitStack() as stack:
        connections = []
        for data in (WORK, *[HEALTH] * HEALTH_PLACES):
            connections.append(stack.enter_context(converse(address, data)))
            assert slow.begun.acquire(timeout=LONG)
        for data in (WORK, HEALTH):
            with converse(address, data) as refused:
                assert_refused(answers(refused, ["GET"])[0])
        slow.may_end.set()
        assert {answers(one, ["GET"])[0][0] for one in connections} == {200}


def test_a_wait_that_is_in_vain_ends_in_a_refusal_and_the_connection_goes_on() -> None:
    slow = Slow()
    with (
        serving(Application(Gateway(slow.app), 1, 1, 0)) as address,
        converse(address, WORK) as at_work,
    ):
        assert slow.begun.acquire(timeout=LONG)
        with converse(address, WORK) as waiting:
            assert_refused(answers(waiting, ["GET"])[0])
            slow.may_end.set()
            assert answers(at_work, ["GET"])[0][0] == 200
            waiting.sendall(WORK)
            assert answers(waiting, ["GET"])[0][2] == b"done"


def create(address: str, number: int) -> tuple[int, str]:
    """Posts a task with this number as its name; gives the status and the id, or the body."""
    body = json.dumps({"name": str(number)})
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with converse(address, (head + body).encode()) as connection:
        [answer] = answers(connection, ["POST"])
    if answer[0] == 503:
        assert_refused(answer)
        return 503, ""
    return answer[0], json.loads(answer[2])["payload"]["id"]


@pytest.mark.usefixtures("database")
def test_what_a_crowd_was_told_is_done_is_done_and_what_was_refused_is_not() -> None:
    with serving(Application(Gateway(app.app), 4, 4, LONG)) as address:
        with ThreadPoolExecutor(CROWD) as clients:
            told = list(clients.map(partial(create, address), range(CROWD)))
        with converse(
            address, b"GET /v1/tasks?page_size=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
        ) as connection:
            listed = json.loads(answers(connection, ["GET"])[0][2])
    made = {(answer[1], str(name)) for name, answer in enumerate(told) if answer[0] == 201}
    assert {answer[0] for answer in told} <= {201, 503}
    assert made
    assert sorted(made) == sorted((task["id"], task["name"]) for task in listed)
