"""Response headers, whichever component sends the response."""

import logging
import re

import httpx
import pytest

from chalicelib.app_factory import BilletApp
from chalicelib.http import request_log
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.response_headers import ResponseHeaders
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.bulk_data import add_users
from tests.support.raw_http import read_responses, send_raw
from tests.support.table_contents import of_database

pytestmark = pytest.mark.backend("moto")

OURS = "https://tasks.example"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
REQUESTS = {
    "served": ("GET", "/v1/health", 200),
    "rejected by the app": ("POST", "/v1/tasks", 400),
    "an unknown path": ("GET", "/v1/nothing", 404),
    "a wrong method": ("DELETE", "/v1/tasks", 405),
    "an unknown method": ("BREW", "/v1/tasks", 405),
    "OPTIONS": ("OPTIONS", "/v1/tasks/1", 204),
}
"""Each request gets its response from another component."""


allowed = pytest.mark.settings(cors_origins=f"https://other.example,{OURS}")


def test_every_response_has_security_headers_and_its_own_request_id(server: str) -> None:
    ids = set()
    with httpx.Client(base_url=f"http://{server}") as client:
        for method, path, status in REQUESTS.values():
            response = client.request(method, path)
            assert response.status_code == status
            assert {name: response.headers.get(name) for name in SECURITY} == SECURITY
            cache_control = "private, no-cache" if status == 200 else "no-store"
            assert response.headers["Cache-Control"] == cache_control
            assert "Strict-Transport-Security" not in response.headers
            assert "Access-Control-Allow-Origin" not in response.headers
            ids.add(response.headers["X-Request-Id"])
    assert len(ids) == len(REQUESTS)


def test_the_server_ignores_x_forwarded_proto(server: str) -> None:
    with httpx.Client(
        base_url=f"http://{server}", headers={"X-Forwarded-Proto": "https"}
    ) as client:
        for method, path, _ in REQUESTS.values():
            assert "Strict-Transport-Security" not in client.request(method, path).headers


@allowed
def test_only_allowed_origins_may_read_responses(
    server: str,
) -> None:
    with httpx.Client(base_url=f"http://{server}") as client:
        for method, path, _ in REQUESTS.values():
            received = client.request(method, path, headers={"Origin": OURS}).headers
            assert (received["Access-Control-Allow-Origin"], received["Vary"]) == (OURS, "Origin")
            exposed = set(received["Access-Control-Expose-Headers"].split(", "))
            assert exposed >= {"ETag", "Link", "Location", "RateLimit", "Retry-After"}
            for origin in ("https://evil.example", "https://tasks.example.evil", "null"):
                received = client.request(method, path, headers={"Origin": origin}).headers
                assert "Access-Control-Allow-Origin" not in received
                assert received["Vary"] == "Origin"


SIMPLE = ("", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/plain")
"""The content types that a browser sends to another site without asking it first."""


POSTS = [one for one in ENDPOINTS if one.method == "POST"]


@pytest.mark.parametrize("one", POSTS, ids=lambda one: one.path)
@pytest.mark.settings(public_url="https://billet.example", cors_origins=OURS)
def test_a_page_of_another_site_can_send_no_post_that_a_browser_sends_unasked(
    api: Api, one: Endpoint, database: object
) -> None:
    add_users(1)
    path = one.path.format(user_id=1)
    before = of_database()
    for origin in ("https://evil.example", "http://localhost:5173", "null", f"{OURS}.evil", ""):
        for kind in SIMPLE:
            headers = {"Origin": origin, "Host": "localhost:3000", "Content_Type": kind}
            response = api("POST", path, b"", **headers)
            assert response.status_code in (400, 415)
            assert response.json_body["detail"].partition(":")[0] in ("origin", "content-type")
    assert of_database() == before


@pytest.mark.usefixtures("database")
@pytest.mark.settings(public_url="https://billet.example", cors_origins=OURS)
def test_a_post_without_a_body_needs_no_content_type_from_clients_and_pages_of_this_host(
    api: Api,
) -> None:
    add_users(1)
    here = "http://localhost:3000"
    for origin in (here, here.replace("http", "https"), "https://billet.example", OURS):
        sent = api("POST", "/v1/users/1/feed", Host="LocalHost:3000", Origin=origin)
        assert sent.status_code == 201
    assert api("POST", "/v1/users/1/feed").status_code == 201


@allowed
def test_a_preflight_lists_the_allowed_methods_and_headers(server: str) -> None:
    preflight = {"Origin": OURS, "Access-Control-Request-Method": "PATCH"}
    received = httpx.options(f"http://{server}/v1/tasks/1", headers=preflight).headers
    assert received["Access-Control-Allow-Methods"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    sent = set(received["Access-Control-Allow-Headers"].split(", "))
    assert sent >= {"Authorization", "Content-Type", "If-Match", "X-Request-Id"}
    assert received["Access-Control-Max-Age"] == "7200"


def test_options_lists_the_patch_media_types_of_patchable_resources() -> None:
    kinds = "application/merge-patch+json, application/json"
    assert ResponseHeaders(()).options({"GET", "PATCH"})["Accept-Patch"] == kinds
    assert "Accept-Patch" not in ResponseHeaders(()).options({"GET", "POST"})


@allowed
def test_the_app_handles_preflights_if_origins_are_allowed(api: Api) -> None:
    response = api("OPTIONS", "/v1/users/7", Origin=OURS, X_Request_Id="a")
    assert (response.status_code, response.body) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == OURS
    assert response.headers["Access-Control-Allow-Methods"] == "DELETE, GET, OPTIONS, PATCH"
    assert response.headers["X-Request-Id"] == "a"
    assert {name: response.headers.get(name) for name in SECURITY} == SECURITY


@pytest.mark.parametrize("origins", ["", OURS])
def test_every_path_has_options_without_a_token(origins: str) -> None:
    for methods in BilletApp(Settings(cors_origins=origins, auth="on")).routes.values():
        assert methods["OPTIONS"].authorizer is None


def test_any_origin_is_allowed_with_an_asterisk() -> None:
    received = ResponseHeaders(["*"]).common({}, "GET", 200)
    assert received["Access-Control-Allow-Origin"] == "*"
    assert "Vary" not in received


@pytest.mark.parametrize("request_id", ["a", "7f3c.A_b-9", "x" * 64])
def test_a_well_formed_request_id_is_returned_and_logged(
    api: Api, caplog: pytest.LogCaptureFixture, request_id: str
) -> None:
    caplog.set_level(logging.INFO, request_log.LOGGER)
    assert api("GET", "/v1/tasks/0", X_Request_Id=request_id).headers["X-Request-Id"] == request_id
    [record] = caplog.records
    line = record.msg
    assert isinstance(line, request_log.Line)
    assert (line.request_id, line.route, line.status) == (
        request_id,
        "GET /v1/tasks/{task_id}",
        400,
    )


def test_every_component_returns_the_request_id(server: str) -> None:
    with httpx.Client(base_url=f"http://{server}", headers={"X-Request-Id": "mine"}) as client:
        for method, path, _ in REQUESTS.values():
            assert client.request(method, path).headers.get_list("X-Request-Id") == ["mine"]


def test_an_unreadable_request_gets_no_data_of_the_previous_request(server: str) -> None:
    named = b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n"
    hostless = b"GET /v1/health HTTP/1.1\r\n\r\n"
    for data, own in ((b"GARBAGE\r\n\r\n", None), (hostless, "[0-9a-f-]{36}")):
        with send_raw(server, named + data) as connection:
            (_, first, _), (status, second, _) = read_responses(connection, ["GET", "GET"])
        assert first["X-Request-Id"] == "mine"
        assert status == 400
        assert re.fullmatch(own or "None", str(second.get("X-Request-Id")))


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "a\nb", "é", "<script>", "a=b"])
def test_a_malformed_request_id_is_ignored(api: Api, request_id: str) -> None:
    made = api("GET", "/v1/tasks/0", X_Request_Id=request_id).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f-]{36}", made)
