"""API Gateway events, and headers as a WSGI server joins them."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from chalice.local import LambdaContext

from billet.serve.gateway import Gateway, Request, Response
from chalicelib.app_factory import BilletApp
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.bulk_data import add_tasks

pytestmark = pytest.mark.backend("moto")

JSON = ("Content-Type", "application/json")
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(database: object, application: BilletApp) -> Call:
    """Return a function that sends a gateway event, `call("GET", "/v1/tasks", header_pair)`."""

    def send(
        method: str,
        route: str,
        *headers: tuple[str, str],
        body: str | None = None,
        ids: dict[str, str] | None = None,
        query: dict[str, list[str]] | None = None,
        **context: Any,
    ) -> dict[str, Any]:
        lines: dict[str, list[str]] = {}
        for name, line in headers:
            lines.setdefault(name, []).append(line)
        event = {
            "headers": {name: values[-1] for name, values in lines.items()},
            "multiValueHeaders": lines,
            "multiValueQueryStringParameters": query,
            "pathParameters": ids,
            "stageVariables": None,
            "body": body,
            "isBase64Encoded": False,
            "requestContext": {
                "resourcePath": route,
                "httpMethod": method,
                "path": f"/prod{route.format(**(ids or {}))}",
                "stage": "prod",
                "domainName": "a1b2c3.execute-api.eu-west-1.amazonaws.com",
                "identity": {"sourceIp": "10.0.0.1"},
                **context,
            },
        }
        response: dict[str, Any] = application(event, LambdaContext("", 128, 28_000))
        return response

    return send


def detail(response: dict[str, Any]) -> tuple[int, str]:
    return response["statusCode"], json.loads(response["body"])["detail"]


def test_repeated_lines_of_a_list_header_are_joined(call: Call) -> None:
    [task] = add_tasks(1)
    ids = {"task_id": str(task)}
    seen = [("If-None-Match", '"9"'), ("If-None-Match", '"1"')]
    for headers in (seen, seen[::-1], [seen[0], ("if-none-match", '"1"')]):
        assert call("GET", "/v1/tasks/{task_id}", *headers, ids=ids)["statusCode"] == 304
    other = [("If-Match", '"8"'), ("If-Match", '"9"')]
    assert call("DELETE", "/v1/tasks/{task_id}", *other, ids=ids)["statusCode"] == 412
    mine = [("If-Match", '"9"'), ("If-Match", '"1"')]
    body = '{"desc": "a"}'
    response = call("PATCH", "/v1/tasks/{task_id}", JSON, *mine[::-1], ids=ids, body=body)
    assert response["statusCode"] == 200
    mine = [("If-Match", '"2"'), ("If-Match", '"9"')]
    assert call("DELETE", "/v1/tasks/{task_id}", *mine, ids=ids)["statusCode"] == 200


TWICE = {
    "two keys": [("Idempotency-Key", '"a"'), ("Idempotency-Key", '"b"')],
    "one key twice": [("Idempotency-Key", '"a"'), ("Idempotency-Key", '"a"')],
    "two unquoted keys": [("Idempotency-Key", "a"), ("idempotency-key", "b")],
    "a key split over two lines": [("Idempotency-Key", '"a'), ("Idempotency-Key", 'b"')],
    "two types": [JSON, ("Content-Type", "application/json")],
    "another type": [JSON, ("content-type", "text/plain")],
    "two tokens": [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
    "another scheme": [("Authorization", "Basic YTpi"), ("Authorization", "Bearer b")],
}


@pytest.mark.parametrize("headers", TWICE.values(), ids=TWICE)
def test_a_repeated_single_value_header_is_rejected(
    call: Call, api: Api, headers: list[tuple[str, str]]
) -> None:
    name = headers[0][0]
    expected = (400, f"{name.lower()}: must be sent only once")
    others = [JSON] if name != "Content-Type" else []
    assert detail(call("POST", "/v1/tasks", *others, *headers, body='{"name": "a"}')) == expected
    if not headers[0][1].startswith('"') or headers[0][1].endswith(
        '"'
    ):  # otherwise it is one quoted key
        joined = {name.replace("-", "_"): ",".join(text for _, text in headers)}
        response = api("POST", "/v1/tasks", {"name": "a"}, **joined)
        assert (response.status_code, response.json_body["detail"]) == expected
    assert api("GET", "/v1/tasks").json_body == []


@pytest.mark.parametrize(
    "header",
    [
        {"Content_Type": 'application/json; x="a,b"'},
        {"Idempotency_Key": '"a,b"'},
        {"Idempotency_Key": r'"a\",\"b"'},
        {"Authorization": 'Digest username="a, b c", uri="/", nc = 1'},
        {"Authorization": "Basic YTpi"},
    ],
)
def test_a_comma_within_a_value_is_not_a_repetition(
    api: Api, database: object, header: dict[str, str]
) -> None:
    assert api("POST", "/v1/tasks", {"name": "a"}, **header).status_code == 201


PATHS = {
    "/prod/v1/tasks": "/prod",
    "/prod/v1/tasks/": "/prod",
    "/v1/tasks": "",
    "/tasks-api/v1/tasks": "/tasks-api",
    "/a/b/v1/tasks": "/a/b",
    "//evil.example/v1/tasks": "",
    "https://evil.example/v1/tasks": "",
    "/a\x01/v1/tasks": "",
}


@pytest.mark.parametrize(("path", "prefix"), PATHS.items())
def test_locations_and_links_keep_the_stage_or_the_base_path(
    call: Call, path: str, prefix: str
) -> None:
    key = ("Idempotency-Key", "a")
    for _ in range(2):
        made = call("POST", "/v1/tasks", JSON, key, body='{"name": "a"}', path=path)
        assert (made["statusCode"], made["headers"]["Location"]) == (201, f"{prefix}/v1/tasks/1")
    add_tasks(1)
    page = call("GET", "/v1/tasks", query={"page_size": ["1"]}, path=path)
    url = f"https://a1b2c3.execute-api.eu-west-1.amazonaws.com{prefix}/v1/tasks?cursor="
    assert page["headers"]["Link"].startswith(f"<{url}")


def test_the_link_of_a_users_tasks_has_the_user_id(call: Call, api: Api) -> None:
    user = api("POST", "/v1/users", {"username": "ada"}).json_body["id"]
    add_tasks(2, assignees=[user])
    route, query = "/v1/users/{user_id}/tasks", {"page_size": ["1"]}
    page = call("GET", route, ids={"user_id": "%31"}, query=query, domainName="tasks.example")
    assert page["headers"]["Link"].startswith(
        "<https://tasks.example/prod/v1/users/1/tasks?cursor="
    )


TARGETS = [
    "https://evil.example/v1/tasks",
    "//evil.example/v1/tasks",
    "/v1/tasks#f",
    "/v1/tasks;a=b",
    "javascript:/v1/tasks",
]


@pytest.mark.parametrize("target", TARGETS)
def test_the_request_target_does_not_appear_in_location(
    api: Api, database: object, target: str
) -> None:
    for _ in range(2):
        made = api("POST", target, {"name": "a"}, Idempotency_Key="a")
        if made.status_code == 201:
            assert made.headers["Location"] == "/v1/tasks/1"
    add_tasks(2)
    page = api("GET", "/v1/tasks?page_size=1", Host="tasks.example")
    assert page.headers["Link"].startswith("<http://tasks.example/v1/tasks?cursor=")


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({}, ""),
        ({"Host": "localhost:3000"}, "http://localhost:3000"),
        ({"Host": "[::1]:3000"}, "http://[::1]:3000"),
        ({"Host": "a.example", "X_Forwarded_Proto": "https"}, "https://a.example"),
        ({"Host": "a.example", "X_Forwarded_Proto": "javascript"}, "http://a.example"),
        ({"Host": "a.example", "X_Forwarded_Proto": "https, http"}, "http://a.example"),
        ({"Host": "localhost:"}, "http://localhost:"),
        ({"Host": "a.example/b"}, ""),
        ({"Host": "u:p@a.example"}, ""),
        ({"Host": 'a>; rel="x"'}, ""),
        ({"Host": "a.example, b.example"}, ""),
    ],
)
def test_a_link_has_the_scheme_and_host_of_a_valid_request(
    api: Api, database: object, headers: dict[str, str], origin: str
) -> None:
    add_tasks(2)
    page = api("GET", "/v1/tasks?page_size=1", **headers)
    assert page.headers["Link"].startswith(f"<{origin}/v1/tasks?cursor=")


@pytest.mark.settings(public_url="https://tasks.example:8443")
def test_public_url_replaces_the_scheme_and_host_of_the_request(call: Call, api: Api) -> None:
    add_tasks(2)
    local = api("GET", "/v1/tasks?page_size=1", Host="localhost:3000")
    remote = call("GET", "/v1/tasks", query={"page_size": ["1"]})
    assert local.headers["Link"].startswith("<https://tasks.example:8443/v1/tasks?")
    assert remote["headers"]["Link"].startswith("<https://tasks.example:8443/prod/v1/tasks?")


HTTP_API = {
    "version": "2.0",
    "routeKey": "GET /v1/tasks",
    "rawPath": "/v1/tasks",
    "requestContext": {"http": {"method": "GET", "path": "/v1/tasks"}, "stage": "$default"},
}
LOAD_BALANCER = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
    "httpMethod": "GET",
    "path": "/v1/tasks",
}
UNKNOWN_EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "an HTTP API": (HTTP_API, "an HTTP API of API Gateway (payload 2.0) or a function URL"),
    "a load balancer": (LOAD_BALANCER, "a load balancer"),
    "another resource": ({"requestContext": {"resourcePath": "/{p+}"}}, "one with other routes"),
    "a test event": ({"key1": "value1"}, "another kind of event"),
    "no context": ({"requestContext": None}, "another kind of event"),
}


@pytest.mark.parametrize(("event", "sender"), UNKNOWN_EVENTS.values(), ids=UNKNOWN_EVENTS)
def test_an_event_of_another_service_is_a_501_that_says_what_is_needed(
    event: dict[str, Any], sender: str, application: BilletApp, caplog: pytest.LogCaptureFixture
) -> None:
    response = application(event, LambdaContext("", 128, 28_000))
    text = f"the API needs a REST API of API Gateway before it, not {sender}"
    assert detail(response) == (501, text)
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert response["headers"]["X-Request-Id"]
    assert text in caplog.text


DOCUMENTATION = ("/", "/docs", "/docs/start.js", "/v1/openapi.json")


@pytest.mark.parametrize("path", DOCUMENTATION)
@pytest.mark.settings(docs="off", board="off")
def test_the_documentation_can_be_switched_off(path: str, call: Call) -> None:
    assert detail(call("GET", path)) == (404, "path: does not exist")
    assert call("GET", "/v1/health")["statusCode"] == 200


@pytest.mark.parametrize("path", DOCUMENTATION)
def test_the_local_server_has_no_documentation_that_is_switched_off(path: str) -> None:
    gateway = Gateway(BilletApp(Settings(docs="off", board="off")))
    response = gateway.route(Request("GET", path, "", {"host": "localhost"}, "127.0.0.1"))
    assert isinstance(response, Response)
    assert response.status == 404


def test_a_link_can_be_followed_unchanged(server: str) -> None:
    made = add_tasks(5)
    url: str | None = f"http://{server}/v1/tasks?page_size=2"
    found: list[int] = []
    while url:
        page = httpx.get(url)
        found += [task["id"] for task in page.json()]
        url = page.links.get("next", {}).get("url")
    assert found == made[::-1]
