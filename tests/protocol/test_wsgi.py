"""The API behind the WSGI reference server and the standard validator."""

import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from billet.serve.wsgi import application
from chalicelib.http.parsing import MAX_BODY

pytestmark = [pytest.mark.backend("moto"), pytest.mark.usefixtures("database")]


class Input(io.BytesIO):
    """A stream that ends with the body."""


def send(
    method: str, path: str, body: bytes = b"", **more: Any
) -> tuple[str, dict[str, str], bytes]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "wsgi.input": Input(body),
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    if body:
        environ |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"}
    environ |= {name: value for name, value in more.items() if not name.startswith("wsgi_")}
    setup_testing_defaults(environ)
    environ |= {name.replace("_", ".", 1): v for name, v in more.items() if name[:5] == "wsgi_"}
    started: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        started.update(status=status, headers=dict(headers))
        return started.update

    parts: Any = validator(application)(environ, start)
    content = b"".join(parts)
    parts.close()
    return started["status"], started["headers"], content


BODY = json.dumps({"name": "x"}).encode()


def test_the_wsgi_app_serves_requests() -> None:
    status, headers, body = send("POST", "/v1/tasks", BODY)
    assert (status, headers["Location"]) == ("201 Created", "/v1/tasks/1")
    assert headers["Content-Length"] == str(len(body))
    status, headers, body = send("GET", "/v1/tasks", QUERY_STRING="page_size=1")
    assert [task["name"] for task in json.loads(body)] == ["x"]
    assert send("HEAD", "/v1/tasks/1")[2] == b""
    assert send("OPTIONS", "/v1/tasks")[0] == "204 No Content"
    _, headers, _ = send("OPTIONS", "/", RAW_URI="*")
    assert headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"CONTENT_LENGTH": "99"}, "400 Bad Request"),
        ({"CONTENT_LENGTH": str(MAX_BODY + 1)}, "413 "),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, "411 Length Required"),
        ({"HTTP_TRANSFER_ENCODING": "gzip", "CONTENT_LENGTH": ""}, "501 Not Implemented"),
        ({"HTTP_HOST": "a,b"}, "400 Bad Request"),
        ({"HTTP_HOST": "evil.example"}, "400 Bad Request"),
        ({"RAW_URI": "/v1%2Ftasks?x=/y"}, "404 Not Found"),
    ],
)
def test_an_invalid_wsgi_request_gets_a_problem_response(more: dict[str, str], status: str) -> None:
    status_line, headers, body = send("POST", "/v1/tasks", BODY, **more)
    assert status_line.startswith(status)
    assert headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["status"] == int(status_line[:3])
    assert json.loads(send("GET", "/v1/tasks")[2]) == []


def test_a_chunked_body_is_read_if_the_server_terminates_input() -> None:
    more = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    status, _, _ = send("POST", "/v1/tasks", BODY, wsgi_input_terminated=True, **more)
    assert status == "201 Created"


@pytest.mark.parametrize(("scheme", "expected"), [("https", "max-age=31536000"), ("http", None)])
@pytest.mark.parametrize("path", ["/v1/health", "/v1/nothing"])
def test_the_scheme_comes_from_the_server(scheme: str, expected: str | None, path: str) -> None:
    _, headers, _ = send("GET", path, wsgi_url_scheme=scheme, HTTP_X_FORWARDED_PROTO="https")
    assert headers.get("Strict-Transport-Security") == expected
