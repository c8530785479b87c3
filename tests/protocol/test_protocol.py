"""HTTP on the socket: every response has the form of the API and the connection stays in sync."""

import json
import socket

import msgspec
import pytest

from billet.serve import hosts
from billet.serve.asgi import Application
from billet.serve.embedded import serving
from billet.serve.gateway import Gateway, Request, Response
from billet.serve.route_table import Match
from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb.schema_version import KNOWN
from chalicelib.http.schemas import Health
from chalicelib.release import __version__
from chalicelib.services import tasks
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.support.bulk_data import add_tasks
from tests.support.raw_http import HEALTH, read_responses, send_raw

pytestmark = pytest.mark.backend("moto")


HEALTH_BODY = msgspec.json.encode(Health(version=__version__, schema=KNOWN)) + b"\n"
GET = b"GET /v1/health HTTP/1.1\r\n"
CUT = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\n"
REFUSED = {
    "an unknown method": (b"BREW /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "a method that the path does not allow": (b"DELETE /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "TRACE": (b"TRACE /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "an unknown path": (b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an asterisk path": (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "a parameter of the path": (b"GET /v1/tasks;a=b HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "a parameter of an id": (b"GET /v1/tasks/1;x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an encoded slash": (b"GET /v1/tasks%2F1 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an encoded slash in an id": (b"GET /v1/tasks/1%2f HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an encoded NUL": (b"GET /v1/tasks/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "encoded bytes that are not UTF-8": (b"GET /v1/tasks/%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an invalid percent encoding": (b"GET /v1/tasks/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a double-encoded id": (b"GET /v1/tasks/%2531 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no host": (GET + b"\r\n", 400),
    "an empty host": (GET + b"Host: \r\n\r\n", 400),
    "two hosts": (GET + b"Host: a\r\nHost: b\r\n\r\n", 400),
    "the same host twice": (GET + b"Host: a\r\nHost: a\r\n\r\n", 400),
    "a host with a path": (GET + b"Host: a/b\r\n\r\n", 400),
    "a host with a blank": (GET + b"Host: a b\r\n\r\n", 400),
    "a host with a user": (GET + b"Host: a@b\r\n\r\n", 400),
    "two codings": (CUT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "a chunk without a size": (CUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "a body that is too large": (
        CUT + b"Content-Length: 10000000\r\n\r\n" + b"x" * 100_000,
        413,
    ),
    "chunks that are too large": (
        CUT + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 5,
        413,
    ),
}
"""Requests that reach the API and get a problem response."""


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_an_unserviceable_request_gets_a_problem_response(
    server: str, data: bytes, status: int
) -> None:
    with send_raw(server, data) as connection:
        [(received_status, headers, body)] = read_responses(connection, ["GET"])
    assert received_status == status
    assert headers["Content-Type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["success"] is False
    assert problem["detail"]
    assert set(problem) == {"type", "title", "status", "success", "detail"}
    assert status != 405 or headers["Allow"] == "GET, HEAD, OPTIONS, POST"


REPEATED = [
    ("Idempotency-Key", '"k', 'z"'),
    ("Content-Type", 'application/json; x="a', 'b"'),
    ("Authorization", 'Digest username="a', 'b"'),
    ("Idempotency-Key", "k", "k"),
]


@pytest.mark.parametrize(("name", "first", "second"), REPEATED)
def test_a_repeated_header_is_rejected_even_if_the_joined_value_is_valid(
    server: str, name: str, first: str, second: str
) -> None:
    body = (
        f'{name}: {first}\r\n{name.lower()}: {second}\r\nContent-Length: 13\r\n\r\n{{"name": "a"}}'
    )
    with send_raw(server, CUT + body.encode()) as connection:
        [(status, _, content)] = read_responses(connection, ["POST"])
    expected = f"{name.lower()}: must be sent only once"
    assert (status, json.loads(content)["detail"]) == (400, expected)
    assert tasks.page(Paging()).items == []


APP = BilletApp(Settings())
LOCAL = Settings(public_url="https://Tasks.example:8443")
HOSTS = {
    **dict.fromkeys(
        ["localhost", "LocalHost:3000", "localhost.", "a.localhost", "127.0.0.1:80", "192.168.1.7"],
        True,
    ),
    **dict.fromkeys(["[::1]:3000", "tasks.example", "tasks.example:1", "BOX.example"], True),
    **dict.fromkeys(["evil.example", "notlocalhost", "localhost.evil.example", "api"], False),
    **dict.fromkeys(["127.0.0.1.evil.example", "0x7f.1", "."], False),
}


@pytest.mark.parametrize(("host", "accepted"), HOSTS.items())
def test_without_auth_another_host_is_rejected_and_with_auth_needs_a_token(
    host: str, accepted: bool
) -> None:
    request = Request("GET", "/v1/tasks", "", {"host": host}, "127.0.0.1")
    guarded = Gateway(APP, hosts.allowed(LOCAL, "box.example"))
    response = guarded.route(request)
    assert isinstance(response, Match) == accepted
    if isinstance(response, Response):
        assert response.status == 400
        assert json.loads(response.body)["detail"].startswith("host: must be ")
    open_to_all = Gateway(APP, hosts.allowed(Settings(auth="on")))
    assert isinstance(open_to_all.route(request), Match)


def test_without_auth_an_http_1_0_client_needs_no_host() -> None:
    request = Request("GET", "/v1/tasks", "", {}, "127.0.0.1", "HTTP/1.0")
    assert isinstance(Gateway(APP, hosts.allowed(LOCAL)).route(request), Match)


BAD_REQUESTS = {
    "garbage": (b"GARBAGE\r\n\r\n", {400}),
    "only white space": (b"\r\n \r\n", {400}),
    "an unknown version": (b"GET /v1/health HTTP/3.0\r\nHost: x\r\n\r\n", {400}),
    "an invalid URL": (b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "another scheme": (b"GET javascript:/v1/health HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "a control character in the path": (
        b"GET /v1/health\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        {400},
    ),
    "bytes that are not UTF-8": (b"GET /v1/tasks/\xff%zz HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "a URL that is too long": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", {414, 431}),
    "a header that is too long": (HEALTH[:-2] + b"X: " + b"a" * 300_000 + b"\r\n\r\n", {431}),
    "too many headers": (HEALTH[:-2] + b"X: a\r\n" * 200 + b"\r\n", {431}),
    "a header without a colon": (HEALTH[:-2] + b"no header\r\n\r\n", {400}),
    "a folded header": (HEALTH[:-2] + b"X: a\r\n b\r\n\r\n", {400}),
    "a CR without LF": (HEALTH[:-2] + b'X-A: a\r\rIf-None-Match: "1"\r\n\r\n', {400}),
    "a NUL": (HEALTH[:-2] + b"X-A: a\0b\r\n\r\n", {400}),
    "a negative length": (CUT + b"Content-Length: -5\r\n\r\n", {400}),
    "a length with a sign": (CUT + b"Content-Length: +2\r\n\r\n{}", {400}),
    "a length in letters": (CUT + b"Content-Length: five\r\n\r\n", {400}),
    "a length after a tabulator": (CUT + b"Content-Length: \x0b2\r\n\r\n{}", {400}),
    "two lengths": (CUT + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", {400}),
    "an unknown coding": (CUT + b"Transfer-Encoding: gzip\r\n\r\n", {400}),
    "a coding after a tabulator": (
        CUT + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        {400},
    ),
}
"""Requests that granian rejects without a body, before they reach the API."""


@pytest.mark.parametrize(("data", "statuses"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_data_that_is_not_http_is_rejected_and_the_connection_closed(
    server: str, data: bytes, statuses: set[int]
) -> None:
    with send_raw(server, data) as connection:
        [(status, headers, body)] = read_responses(connection, ["GET"])
        assert connection.recv(1) == b""
    assert status in statuses
    assert (headers["Connection"], body) == ("close", b"")
    assert not {"X-Request-Id", "X-Content-Type-Options"} & headers.keys()


@pytest.mark.parametrize(
    "end",
    [b"", b"\r\nHost: x", b"\r\nHost: x\r\n", b'\r\nHost: x\r\nIf-Match: "7"\r\n'],
)
def test_a_request_with_a_truncated_head_is_not_carried_out(server: str, end: bytes) -> None:
    [task] = add_tasks(1)
    with send_raw(server, f"DELETE /v1/tasks/{task} HTTP/1.1".encode() + end) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert tasks.get(task)


@pytest.mark.parametrize("body", [b"", b"2\r\n{}\r\n", b"zz\r\n"])
def test_a_delete_with_a_truncated_chunked_body_is_not_carried_out(
    server: str, body: bytes
) -> None:
    [task] = add_tasks(1)
    head = f"DELETE /v1/tasks/{task} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with send_raw(server, head.encode() + body) as connection:
        connection.shutdown(socket.SHUT_WR)
        [(status, _, _)] = read_responses(connection, ["DELETE"])
    assert status == 400
    assert tasks.get(task)


def test_a_content_length_with_chunks_is_ignored_and_the_connection_closed(server: str) -> None:
    data = CHUNKED.replace(b"Host", b"Content-Length: 3\r\nHost") + BODY[8:] + b"\r\n0\r\n\r\n"
    with send_raw(server, data + HEALTH) as connection:
        [(status, headers, _)] = read_responses(connection, ["POST"])
        assert connection.recv(1) == b""
    assert (status, headers["Connection"]) == (201, "close")


def test_options_asterisk_lists_every_method(server: str) -> None:
    with send_raw(server, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH) as connection:
        (status, headers, body), health = read_responses(connection, ["OPTIONS", "GET"])
    assert (status, body) == (204, b"")
    assert headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert health[0] == 200


@pytest.mark.parametrize(
    "path", ["/v1/tasks/%31", "/%76%31/tasks/1", "http://evil.example/v1/tasks/1", "/v1/tasks/1#f"]
)
def test_equivalent_spellings_of_a_path_are_the_same_path(server: str, path: str) -> None:
    [task] = add_tasks(1)
    assert task == 1
    data = f"DELETE {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with send_raw(server, data) as connection:
        [(status, _, body)] = read_responses(connection, ["DELETE"])
    assert (status, json.loads(body)["detail"]) == (200, "task 1 deleted")


def test_http_1_0_needs_no_host_and_may_keep_the_connection_open(server: str) -> None:
    data = b"GET /v1/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with send_raw(server, data + data) as connection:
        first, second = read_responses(connection, ["GET", "GET"])
    assert (first[0], second[0]) == (200, 200)
    assert first[1]["Connection"] == "keep-alive"


BODY = b'{"name": "x"}'
POST = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n8;x=y\r\n" + BODY[:8] + b"\r\n5\r\n"


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: 14\r\n\r\n" + BODY,
        CHUNKED + BODY[8:12],
        CHUNKED + BODY[8:] + b"\r\n",
    ],
    ids=["a length", "within a chunk", "before the last chunk"],
)
def test_a_request_with_a_truncated_body_is_not_carried_out(server: str, data: bytes) -> None:
    with send_raw(server, data) as connection:
        connection.shutdown(socket.SHUT_WR)
        [(status, _, body)] = read_responses(connection, ["POST"])
    assert (status, json.loads(body)["detail"].partition(":")[0]) == (400, "body")
    assert tasks.page(Paging()).items == []


@pytest.mark.parametrize(
    ("data", "method", "status", "length"),
    [
        (b"HEAD /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", 200, len(HEALTH_BODY)),
        (b"OPTIONS /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS", 204, None),
        (POST + b"Content-Length: 13\r\n\r\n" + BODY, "POST", 201, 212),
        (CHUNKED + BODY[8:] + b"\r\n0\r\nTrailer: x\r\n\r\n", "POST", 201, 212),
        (b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "GET", 404, 136),
        (b"GET http://any/v1/health HTTP/1.1\r\nHost: x\r\n\r\n", "GET", 200, len(HEALTH_BODY)),
        (b"GET //v1/health/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET", 200, len(HEALTH_BODY)),
        (b"\r\nGET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", "GET", 200, len(HEALTH_BODY)),
    ],
)
def test_the_next_request_on_the_connection_is_served(
    server: str, data: bytes, method: str, status: int, length: int
) -> None:
    with send_raw(server, data + HEALTH) as connection:
        first, second = read_responses(connection, [method, "GET"])
    assert first[0] == status
    assert first[1].get("Content-Length") == (str(length) if length else None)
    assert second[2] == HEALTH_BODY


def test_a_304_has_no_body_and_keeps_the_connection_open(
    server: str,
) -> None:
    known = b'GET /v1/tasks/1 HTTP/1.1\r\nHost: x\r\nIf-None-Match: W/"1"\r\n\r\n'
    data = POST + b"Content-Length: 13\r\n\r\n" + BODY + known + HEALTH
    with send_raw(server, data) as connection:
        _, (status, headers, body), health = read_responses(connection, ["POST", "GET", "GET"])
    assert (status, headers["ETag"], body) == (304, '"1"', b"")
    assert not {"content-length", "content-type"} & headers.keys()
    assert health[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        HEALTH[:-2] + b"Connection: close\r\n\r\n",
        HEALTH[:-2] + b"Connection: TE, close\r\n\r\n",
        b"GET /v1/health HTTP/1.0\r\n\r\n",
        b"X\r\n",
    ],
)
def test_connection_close_closes_the_connection(server: str, data: bytes) -> None:
    with send_raw(server, data) as connection:
        read_responses(connection, ["GET"])
        assert connection.recv(1) == b""


def test_expect_100_continue_gets_100_continue(server: str) -> None:
    head = POST + b"Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
    with send_raw(server, head) as connection:
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        [(status, _, _)] = read_responses(connection, ["POST"])
    assert status == 201


@pytest.mark.usefixtures("database")
def test_a_client_disconnect_logs_no_traceback(
    application: BilletApp, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(Application(Gateway(application))) as server:
        for data in (b"", POST, POST + b"Content-Length: 13\r\n\r\n{"):
            send_raw(server, data).close()
        with send_raw(server, HEALTH) as connection:
            assert read_responses(connection, ["GET"])[0][0] == 200
    assert capfd.readouterr() == ("", "")  # now that the server has seen all and stopped
