"""Both clients, when requests and replies are lost and something else than the API responds."""

import logging
import pickle
import ssl
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from threading import Event
from typing import Any

import httpx
import msgspec
import pytest
from pynamodb.connection import Connection

from billet_client import (
    ApiError,
    Assign,
    BadRequest,
    BilletError,
    Client,
    Create,
    Delete,
    InvalidResponse,
    NotFound,
    Patch,
    RequestInProgress,
    ServerError,
    TooManyRequests,
    TransportError,
)
from tests.client.conftest import BLOCKING_ONLY, ClientFactory, Clock
from tests.support.in_process import ADDRESS, Fault, Faulty, answer, lost_reply, lost_request
from tests.support.injection import inject_fault

pytestmark = pytest.mark.backend("moto")
on_tables = pytest.mark.usefixtures("database")
SECRET = "blt_secret-of-the-test"
JSON = "application/json"


def write_everything(billet: Client) -> Iterator[object]:
    """Do every write. Each depends on those before it."""
    yield billet.users.create("ann")
    yield billet.tasks.create("plan")
    yield billet.tasks.update(1, status="DONE", if_match='"1"')
    yield billet.tasks.replace(1, name="report", desc="", status="PENDING", if_match='"2"')
    yield billet.tasks.assign(1, 1, if_match='"3"')
    yield billet.tasks.unassign(1, 1, if_match='"4"')
    yield billet.tasks.batch([Patch(1, desc="x", if_match='"5"'), Create("more")])
    yield billet.tasks.batch([Delete(2, if_match='"1"'), Assign(1, 1, if_match='"6"')], mode="each")
    yield billet.tasks.delete(1, if_match='"7"')
    yield billet.users.create_feed(1)
    yield billet.users.revoke_feed(1)
    yield billet.users.rename(1, "anna", if_match='"1"')
    yield billet.users.delete(1, if_match='"2"')


FAULTS: list[Fault] = [
    lost_request,
    lost_reply,
    answer(502, b"<h1>Bad Gateway</h1>"),
    answer(503, Retry_After="2"),
    lost_reply,
]


@on_tables
def test_a_write_whose_replies_are_lost_is_made_once(billet: Client, transport: Faulty) -> None:
    writes = write_everything(billet)
    keys: list[str] = []
    while True:
        transport.faults.extend(FAULTS)
        transport.sent.clear()
        if next(writes, None) is None:
            break
        sent = {request.headers["Idempotency-Key"] for request in transport.sent}
        assert (len(transport.sent), len(sent)) == (len(FAULTS) + 1, 1)
        keys += sent
    transport.faults.clear()
    assert [*billet.tasks.list(), *billet.users.list()] == []
    assert len(set(keys)) == len(keys) == 13


@on_tables
def test_a_batch_whose_first_request_still_runs_has_the_results_of_it(
    billet: Client, transport: Faulty, endpoint: str, connections: dict[str, Connection]
) -> None:
    begun, proceed = Event(), Event()
    answers: list[httpx.Response] = []

    def pause(_: object) -> None:
        begun.set()
        assert proceed.wait(30)

    def lose(request: httpx.Request, send: Callable[[], httpx.Response]) -> httpx.Response:
        runs.append(pool.submit(send))
        assert begun.wait(30)
        raise httpx.ReadTimeout("timed out", request=request)

    def repeat_too_early(_: httpx.Request, send: Callable[[], httpx.Response]) -> httpx.Response:
        answers.append(send())
        proceed.set()
        answers.append(runs[0].result(30))
        return answers[0]

    runs: list[Future[httpx.Response]] = []
    transport.faults.extend([lose, repeat_too_early])
    with ThreadPoolExecutor(1) as pool, inject_fault(connections[endpoint], pause, at=6):
        results = billet.tasks.batch([Create("one"), Create("two"), Create("three")], mode="each")
    assert [answer.status_code for answer in answers] == [409, 200]
    assert [(result.status, result.id) for result in results] == [(201, 1), (201, 2), (201, 3)]
    assert len(list(billet.tasks.list())) == 3


@on_tables
def test_a_read_is_repeated(billet: Client, transport: Faulty, clock: Clock) -> None:
    billet.tasks.create("plan")
    transport.faults.extend([lost_request, answer(504), lost_reply])
    assert [task.name for task in billet.tasks.list()] == ["plan"]
    assert len(clock.waits) == 3
    assert clock.waits == sorted(clock.waits)


@BLOCKING_ONLY
@on_tables
@pytest.mark.parametrize("status", [429, 503])
def test_the_client_waits_as_long_as_retry_after_says(
    billet: Client, transport: Faulty, clock: Clock, status: int
) -> None:
    begun = datetime.now(UTC)
    until = begun.replace(microsecond=0) + timedelta(seconds=30)
    date = format_datetime(until, usegmt=True)
    transport.faults.extend([answer(status, Retry_After="17"), answer(status, Retry_After=date)])
    billet.tasks.create("plan")
    assert clock.waits[0] == 17
    assert until - datetime.now(UTC) <= timedelta(seconds=clock.waits[1]) <= until - begun


@BLOCKING_ONLY
def test_a_retry_after_that_is_no_time_is_ignored(
    billet: Client, transport: Faulty, clock: Clock
) -> None:
    transport.faults.extend(
        [answer(503, Retry_After=text) for text in ("soon", "-1", "0", "9" * 400)]
    )
    with pytest.raises(ServerError):
        billet.health()
    assert len(clock.waits) == 3
    assert all(0 < wait < 2 for wait in clock.waits)


IN_PROGRESS = answer(409, b'{"detail": "idempotency-key: in progress"}', JSON, Retry_After="1")


@on_tables
def test_the_client_waits_for_a_request_in_progress_beyond_its_retries(
    connect: ClientFactory, transport: Faulty
) -> None:
    transport.faults.extend([lost_reply, *[IN_PROGRESS] * 7])
    assert connect(retries=1).tasks.create("plan").id == 1
    transport.faults.extend([IN_PROGRESS] * 100)
    with pytest.raises(RequestInProgress) as raised:
        connect(total_timeout=9).tasks.create("plan")
    assert raised.value.idempotency_key is not None
    assert raised.value.retry_after == 1


@BLOCKING_ONLY
@on_tables
def test_a_client_without_retries_sends_once(connect: ClientFactory, transport: Faulty) -> None:
    transport.faults.append(IN_PROGRESS)
    with pytest.raises(RequestInProgress):
        connect(retries=0).tasks.create("plan")
    transport.faults.append(lost_reply)
    with pytest.raises(TransportError):
        connect(retries=0).tasks.create("plan")
    assert len(transport.sent) == 2


@BLOCKING_ONLY
@on_tables
def test_a_write_that_failed_can_be_repeated_with_its_key(
    connect: ClientFactory, transport: Faulty
) -> None:
    billet = connect(retries=2)
    transport.faults.extend([lost_reply] * 3)
    with pytest.raises(
        TransportError, match=r"^POST http://localhost/v1/tasks: timed out$"
    ) as raised:
        billet.tasks.create("plan")
    assert isinstance(raised.value.__cause__, httpx.ReadTimeout)
    assert len(transport.sent) == 3
    key = raised.value.idempotency_key
    assert billet.tasks.create("plan", idempotency_key=key).id == 1
    assert len(list(billet.tasks.list())) == 1


@BLOCKING_ONLY
def test_no_try_takes_longer_than_what_is_left_of_the_total_time(
    connect: ClientFactory, transport: Faulty
) -> None:
    limits: list[tuple[float, float]] = []

    def busy(request: httpx.Request, _: Callable[[], httpx.Response]) -> httpx.Response:
        timeout = request.extensions["timeout"]
        limits.append((timeout["read"], timeout["pool"]))
        return httpx.Response(503, headers={"Retry-After": "4"})

    transport.faults.extend([busy] * 3)
    with pytest.raises(ServerError):
        connect(timeout=5, total_timeout=10).health()
    assert limits == [(5, 10), (5, 6), (2, 2)]


@BLOCKING_ONLY
def test_a_wait_beyond_the_total_time_is_not_begun(
    billet: Client, transport: Faulty, clock: Clock
) -> None:
    transport.faults.append(answer(429, Retry_After="3600"))
    with pytest.raises(TooManyRequests) as raised:
        billet.health()
    assert (raised.value.retry_after, clock.waits) == (3600, [])


@BLOCKING_ONLY
def test_a_certificate_that_is_not_valid_is_not_tried_again(
    billet: Client, transport: Faulty
) -> None:
    def refuse(request: httpx.Request, _: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            raise ssl.SSLCertVerificationError("certificate verify failed")
        except ssl.SSLError as error:
            raise httpx.ConnectError(str(error), request=request) from error

    transport.faults.append(refuse)
    with pytest.raises(TransportError, match="certificate verify failed"):
        billet.health()
    assert len(transport.sent) == 1


def test_an_api_that_does_not_run_is_an_error(connect: ClientFactory, clock: Clock) -> None:
    with pytest.raises(TransportError, match=r"^GET http://127\.0\.0\.1:9/v1/health: .+"):
        connect("http://127.0.0.1:9", transport=None).health()
    assert len(clock.waits) == 5


PORTAL = answer(200, b"<html>\n <title>Welcome to the hotel</title>")


@BLOCKING_ONLY
@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (PORTAL, "is not JSON: '<html> <title>Welcome to the hotel</title>'"),
        (answer(200, b"x" * 9999), f"is not JSON: '{'x' * 60}…'"),
        (answer(302, location="https://evil.example/"), "redirects to https://evil.example/"),
        (answer(304), "not modified"),
        (answer(404, b"<h1>Not Found</h1>"), "404 is not by the API: '<h1>Not Found</h1>'"),
        (answer(407), "407 is not by the API: ''"),
        (answer(204), "is not JSON: ''"),
        (answer(200, b"", JSON), "is not valid: Input data was truncated"),
        (answer(200, b'{"status": "ok", "data', JSON), "is not valid: Input data was truncated"),
        (answer(200, b'{"status": "good"}', JSON), "is not valid: Invalid enum value 'good'"),
        (answer(200, b"[]", JSON), "is not valid: Expected `object`, got `array`"),
        (answer(200, b'{"version": "\xff"}', JSON), "is not valid: "),
        (answer(200, b'{"more": ' + b"[" * 100_000, JSON), "is not valid: maximum recursion"),
    ],
)
def test_a_response_that_is_not_of_the_api_is_an_error_of_one_line(
    billet: Client, transport: Faulty, fault: Fault, text: str
) -> None:
    transport.faults.append(fault)
    with pytest.raises(BilletError) as raised:
        billet.health()
    assert text in str(raised.value)
    assert str(raised.value).startswith("GET http://localhost/v1/health: ")
    assert str(raised.value).isprintable()
    assert len(transport.sent) == 1


@BLOCKING_ONLY
@pytest.mark.parametrize(
    ("fault", "kind", "detail"),
    [
        (answer(500, b"{}", JSON), ServerError, "GET http://localhost/v1/health: 500"),
        (answer(501, b"<h1>"), ServerError, "GET http://localhost/v1/health: 501"),
        (answer(403, b'{"message": "Forbidden"}', JSON), ApiError, "Forbidden"),
        (answer(418, b'{"detail": "tea: only"}', JSON), ApiError, "tea: only"),
        (answer(400, b'{"detail": ["a"]}', JSON), InvalidResponse, "400 is not by the API"),
    ],
)
def test_an_error_of_a_gateway_has_a_status_and_a_text(
    billet: Client, transport: Faulty, fault: Fault, kind: type[BilletError], detail: str
) -> None:
    transport.faults.append(fault)
    with pytest.raises(kind) as raised:
        billet.health()
    assert detail in str(raised.value)


def test_a_write_answered_by_something_else_says_its_key(billet: Client, transport: Faulty) -> None:
    transport.faults.append(PORTAL)
    with pytest.raises(InvalidResponse) as raised:
        billet.tasks.create("plan")
    assert raised.value.idempotency_key


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/tasks?cursor=a",
        "//evil.example/v1/tasks",
        "https://localhost/v1/tasks",
        "http://localhost:8080/v1/tasks",
        "http://localhost.evil.example/v1/tasks",
        "http://localhost@evil.example/v1/tasks",
    ],
)
def test_a_next_page_on_another_host_is_refused(
    connect: ClientFactory, transport: Faulty, link: str
) -> None:
    transport.faults.append(answer(200, b"[]", JSON, Link=f'<{link}>; rel="next"'))
    with pytest.raises(InvalidResponse, match=r"^link: the next page is at "):
        list(connect(token=SECRET).tasks.list())
    assert [request.url.host for request in transport.sent] == ["localhost"]


@pytest.mark.parametrize(
    "link",
    [
        "http://user:secret@localhost/prod/v1/tasks?cursor=a",
        "//user@localhost/prod/v1/tasks",
        "/v1/tasks?cursor=a",
        "/production/v1/tasks",
        "/prod",
        "/dev/../v1/tasks",
        "/prod/../dev/v1/tasks",
        "/prod/%2e%2e/dev/v1/tasks",
        "../../../v1/tasks",
    ],
)
def test_a_next_page_with_a_user_or_outside_of_the_stage_is_refused(
    connect: ClientFactory, transport: Faulty, link: str
) -> None:
    transport.faults.append(answer(200, b"[]", JSON, Link=f'<{link}>; rel="next"'))
    with pytest.raises(InvalidResponse, match=r"^link: the next page is at ") as raised:
        list(connect("http://localhost/prod", token=SECRET).tasks.list())
    assert len(transport.sent) == 1
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "link", ["\t//localhost/v1/tasks", "http://[::1/", "http://localhost:port/", "http://a b/"]
)
def test_a_next_page_that_is_no_url_is_an_invalid_response(
    connect: ClientFactory, transport: Faulty, link: str
) -> None:
    transport.faults.append(answer(200, b"[]", JSON, Link=f'<{link}>; rel="next"'))
    with pytest.raises(InvalidResponse, match=r"^link: "):
        list(connect(token=SECRET).tasks.list())
    assert len(transport.sent) == 1


def test_an_empty_page_with_a_link_is_followed(connect: ClientFactory, transport: Faulty) -> None:
    link = '<?cursor=a>; rel="next"'
    pages = [b"[]", msgspec.json.encode([TASK]), b"[]"]
    for page in pages:
        transport.faults.append(answer(200, page, JSON, Link=link))
    transport.faults.append(answer(200, msgspec.json.encode([TASK]), JSON))
    assert len(list(connect().tasks.list())) == 2
    assert len(transport.sent) == 4


def test_a_next_page_may_be_relative_and_below_a_stage(
    connect: ClientFactory, transport: Faulty
) -> None:
    task = msgspec.json.encode([TASK])
    link = '<?cursor=a>; rel="next", <https://evil.example/>; rel="help"'
    transport.faults.extend([answer(200, task, JSON, Link=link), answer(200, task, JSON)])
    assert len(list(connect("http://localhost/dev/").tasks.list())) == 2
    urls = [str(request.url) for request in transport.sent]
    assert urls == ["http://localhost/dev/v1/tasks", "http://localhost/dev/v1/tasks?cursor=a"]


TASK = {
    "id": 1,
    "name": "plan",
    "desc": "",
    "status": "PENDING",
    "expires_at": None,
    "created_at": "2026-01-31",
    "updated_at": "2026-01-31T12:00:00Z",
    "assignees": [1],
    "etag": '"1"',
    "of a later release": {},
}


def test_a_list_keeps_one_page_in_memory() -> None:
    page = msgspec.json.encode([TASK] * 1000)
    link = {"Content-Type": JSON, "Link": f'<{ADDRESS}/v1/tasks?cursor=a>; rel="next"'}
    billet = Client(
        ADDRESS,
        transport=httpx.MockTransport(lambda _: httpx.Response(200, headers=link, content=page)),
    )
    tasks = billet.tasks.list()
    peaks = []
    tracemalloc.start()
    for _ in range(3):
        deque(islice(tasks, 3000), maxlen=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[2] < peaks[0] + len(page)


def test_the_token_is_in_no_text(
    connect: ClientFactory, transport: Faulty, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    billet = connect(token=SECRET)
    transport.faults.extend([lost_request, PORTAL])
    texts = [repr(billet), repr(billet.tasks), repr(transport.sent)]
    with pytest.raises(InvalidResponse) as raised:
        billet.tasks.create("plan")
    texts += [repr(raised.value), str(vars(raised.value)), caplog.text]
    assert transport.sent[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert "next try in" in caplog.text
    assert not [text for text in texts if SECRET in text]


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"{SECRET}é", f"{SECRET}\r\nX: y", ""])
def test_a_token_that_no_header_can_hold_is_refused_without_printing_it(token: str) -> None:
    with pytest.raises(ValueError, match=r"^token: must have printable ASCII") as raised:
        Client(token=token)
    assert SECRET not in repr(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:3000",
        "ftp://localhost",
        "http://",
        "",
        "http://ann:secret@localhost",
        "ftp://ann:secret@localhost",
        "http://localhost/?a=b",
        "http://localhost/#a",
        "http://local host:99999",
    ],
)
def test_a_url_that_is_none_of_an_api_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^url: ") as raised:
        Client(url)
    assert "secret" not in str(raised.value)


@BLOCKING_ONLY
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda tasks: tasks.get("1"), "task must be an id, not '1'"),
        (lambda tasks: tasks.update(True, name="x"), "task must be an id, not True"),
        (lambda tasks: tasks.list(user=True), "user must be an id, not True; {finds}"),
        (
            lambda tasks: tasks.update(1, assignees=[False]),
            "each of assignees must be an id, not False; {finds}",
        ),
        (lambda tasks: tasks.list(user="ann"), "user must be an id, not 'ann'; {finds}"),
        (lambda tasks: tasks.assign(1, "ann"), "user must be an id, not 'ann'; {finds}"),
        (
            lambda tasks: tasks.create("x", assignees=["ann"]),
            "each of assignees must be an id, not 'ann'; {finds}",
        ),
        (
            lambda tasks: tasks.update(1, assignees="ann"),
            "assignees must be a list of ids, not 'ann'; {finds}",
        ),
        (
            lambda tasks: tasks.batch([Assign(1, "ann")]),  # type: ignore[arg-type]
            "user must be an id, not 'ann'; {finds}",
        ),
        (
            lambda tasks: tasks.list(status=["DONE", "LATE"]),
            "status must be one or several of PENDING, IN_PROGRESS, DONE, CANCELLED, not 'LATE'",
        ),
    ],
)
def test_the_error_for_a_wrong_argument_says_what_is_allowed(
    billet: Any, transport: Faulty, wrong: Callable[[Any], object], error: str
) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        wrong(billet.tasks)
    assert str(raised.value) == error.format(
        finds='users.list(username="ann") finds a user by name'
    )
    assert transport.sent == []


@BLOCKING_ONLY
@pytest.mark.parametrize(
    "wrong",
    [
        lambda billet: billet.users.get("ann"),
        lambda billet: billet.tasks.get("1"),
        lambda billet: billet.tasks.get("1/../../v1/users"),
        lambda billet: next(billet.tasks.list(user="1")),
        lambda billet: billet.tasks.update(1, if_match="é"),
        lambda billet: billet.tasks.get(1, if_none_match='"1"\r\nX: y'),
        lambda billet: billet.tasks.create("x", idempotency_key=""),
        lambda billet: billet.tasks.create("x", expires_at=object()),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(
    billet: Any, transport: Faulty, wrong: Callable[[Any], object]
) -> None:
    with pytest.raises((TypeError, ValueError)):
        wrong(billet)
    assert transport.sent == []


@BLOCKING_ONLY
@on_tables
def test_an_unknown_field_is_an_error_that_names_it(billet: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        billet.tasks.create("plan", prioritiy="HIGH")
    assert raised.value.field == "prioritiy"


@pytest.mark.parametrize(
    "error",
    [
        NotFound("task 1 does not exist", status=404, title="Not Found", request_id="a"),
        TransportError("GET http://localhost: timed out"),
    ],
)
def test_an_error_can_be_passed_to_another_process(error: BilletError) -> None:
    error.idempotency_key = "key"
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))
