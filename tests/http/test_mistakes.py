"""Every mistake of a client is told in one form, names what is wrong, and changes nothing."""

import json
import re
from typing import Any

import pytest

from chalicelib.storage import _private
from chalicelib.storage.tables import TaskModel
from tests.conftest import Api
from tests.filling import add_tasks

BIG = 2**53
NO_DATE = "expires_at: expected a date that there is, YYYY-MM-DD"


@pytest.fixture
def backend() -> str:
    """Any database would do for what is tested here."""
    return "moto"


@pytest.fixture
def api(api: Api, database: object) -> Api:
    """The API on fresh tables."""
    return api


def refused(api: Api, *request: Any, **headers: str) -> tuple[int, str]:
    """The status and the detail of the problem that answers a request."""
    answer = api(*request, **headers)
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert set(problem) == {"type", "title", "status", "success", "detail"}
    assert problem["status"] == answer.status_code
    assert problem["success"] is False
    return answer.status_code, problem["detail"]


TEXTS = {
    "nothing": (b"", "body: expected a JSON object, got nothing"),
    "no JSON": (b"{", "body: not JSON"),
    "two objects": (b'{"name": "a"}{}', "body: not JSON"),
    "a list": (b"[]", "body: expected `object`, got `array`"),
    "null": (b"null", "body: expected `object`, got `null`"),
    "NaN": (b'{"name": NaN}', "body: not JSON"),
    "no UTF-8": (b'{"name": "\xff"}', "body: not UTF-8"),
    "a lone surrogate": (rb'{"name": "\ud800"}', "body: not JSON"),
    "deep nesting": (b"[" * 100_000, "body: expected `object`, got `array`"),
    "deep nesting in a field": (b'{"x": ' + b"[" * 100_000, "x: unknown"),
    "a long integer": (b'{"name": ' + b"9" * 5_000 + b"}", "name: number out of range"),
    "no name": (b"{}", "name: required"),
    "an unknown field": (b'{"name": "a", "id": 1}', "id: unknown"),
    "a name that is none": (b'{"name": true}', "name: expected `str`, got `bool`"),
    "an empty name": (b'{"name": ""}', "name: expected `str` of length >= 1"),
    "a control character": (
        rb'{"name": "a\u0000"}',
        "name: must not contain control characters",
    ),
    "a line break": (rb'{"name": "a\n"}', "name: must not contain control characters"),
    "another status": (
        b'{"name": "a", "status": "done"}',
        "status: invalid enum value 'done'",
    ),
    "no date": (b'{"name": "a", "expires_at": "2030-02-30"}', NO_DATE),
    "a moment": (
        b'{"name": "a", "expires_at": "2030-02-03T00:00:00"}',
        NO_DATE,
    ),
    "no desc": (b'{"name": "a", "desc": null}', "desc: expected `str`, got `null`"),
}


@pytest.mark.parametrize(("body", "detail"), TEXTS.values(), ids=TEXTS)
def test_a_body_that_is_no_task_is_refused(api: Api, body: bytes, detail: str) -> None:
    assert refused(api, "POST", "/v1/tasks", body) == (400, detail)
    assert api("GET", "/v1/tasks").json_body == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a" * 201}, "name"),
        ({"name": "a", "desc": "a" * 10_001}, "desc"),
        ({"name": "a", "assignees": [1]}, "assignees"),
    ],
)
def test_a_task_beyond_the_limits_is_refused_and_one_at_them_taken(
    api: Api, body: Any, field: str
) -> None:
    status, detail = refused(api, "POST", "/v1/tasks", body)
    assert (status, detail.partition(":")[0]) == (400, field)
    largest = {"name": "a" * 200, "desc": "é" * 10_000}
    assert api("POST", "/v1/tasks", largest).json_body["payload"]["desc"] == largest["desc"]


@pytest.mark.parametrize("name", ["", "  ", "a" * 255, "a\tb", 7, None])
def test_a_username_that_can_not_be_is_refused(api: Api, name: Any) -> None:
    status, detail = refused(api, "POST", "/v1/users", {"username": name})
    assert (status, detail.partition(":")[0]) == (400, "username")
    assert api("POST", "/v1/users", {"username": "a" * 254}).status_code == 201


def test_a_put_needs_all_that_can_change(api: Api) -> None:
    for field in ("name", "desc", "status"):
        body = {"name": "a", "desc": "", "status": "DONE"}
        del body[field]
        assert refused(api, "PUT", "/v1/tasks/1", body) == (400, f"{field}: required")


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    most = 256 * 1024
    body = b'{"name": "a"' + b" " * (most - 13) + b"}"
    assert api("POST", "/v1/tasks", body).status_code == 201
    status, detail = refused(api, "POST", "/v1/tasks", body + b" ")
    assert (status, detail) == (413, f"body: at most {most} bytes")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_another_content_type_is_refused(api: Api, kind: str) -> None:
    answer = refused(api, "POST", "/v1/tasks", {"name": "a"}, Content_Type=kind)
    assert answer == (415, "content-type: expected application/json")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", ""])
def test_json_by_another_spelling_is_taken(api: Api, kind: str) -> None:
    assert api("POST", "/v1/tasks", {"name": "a"}, Content_Type=kind).status_code == 201


@pytest.mark.parametrize("ident", ["0", "-1", "1.0", "abc", "01", f"{BIG}", "9" * 5000, "%31"])
def test_an_id_that_can_not_be_is_refused(api: Api, ident: str) -> None:
    for method, path, name in (
        ("GET", f"/v1/users/{ident}", "user_id"),
        ("GET", f"/v1/users/{ident}/tasks", "user_id"),
        ("DELETE", f"/v1/tasks/{ident}", "task_id"),
        ("PUT", f"/v1/tasks/1/assign/user/{ident}", "user_id"),
    ):
        detail = f"{name}: expected an integer from 1 to 2^53-1"
        assert refused(api, method, path) == (400, detail)
    assert api("GET", f"/v1/tasks/{BIG - 1}").json_body is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=", "page_size"),
        ("page_size=1e2", "page_size"),
        ("offset=-1", "offset"),
        ("offset=10001", "offset"),
        ("offset=" + "9" * 5000, "offset"),
        ("sort=name", "sort"),
        ("order=up", "order"),
        ("status=pending", "status"),
        ("limit=5", "limit"),
        ("page_size=5&page_size=5", "page_size"),
        ("cursor=", "cursor"),
        ("cursor=!!", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=W10", "cursor"),
    ],
)
def test_a_query_that_can_not_be_is_refused(api: Api, query: str, field: str) -> None:
    for path in ("/v1/tasks", "/v1/users/1/tasks"):
        status, detail = refused(api, "GET", f"{path}?{query}")
        assert (status, detail.partition(":")[0]) == (400, field)


@pytest.mark.parametrize("query", ["sort=created_at", "status=DONE"])
def test_users_have_no_status_and_one_order(api: Api, query: str) -> None:
    field = query.partition("=")[0]
    assert refused(api, "GET", f"/v1/users?{query}") == (400, f"{field}: unknown")


def test_a_cursor_goes_with_its_own_list_order_and_filter_only(api: Api) -> None:
    for name in ("a", "b"):
        api("POST", "/v1/tasks", {"name": name})
    link = api("GET", "/v1/tasks?page_size=1&sort=expires_at&status=PENDING").headers["Link"]
    query = link.partition(">")[0].removeprefix("<?")
    for more, detail in (
        ("sort=created_at", "cursor: made for another sort"),
        ("order=desc", "cursor: made for another order"),
        ("status=DONE", "cursor: made for another status"),
        ("offset=1", "offset: not together with a cursor"),
    ):
        assert refused(api, "GET", f"/v1/tasks?{query}&{more}") == (400, detail)
    detail = "cursor: made for another list"
    for path in ("/v1/users", "/v1/users/1/tasks"):
        assert refused(api, "GET", f"{path}?{query}") == (400, detail)
    same = api("GET", f"/v1/tasks?{query}&sort=expires_at&order=asc&status=PENDING")
    assert [task["name"] for task in same.json_body] == ["b"]


def test_a_mistake_of_ours_gives_the_client_a_request_id_and_the_log_the_rest(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    table = _private.table_of(TaskModel)
    table.put_item("1", attributes={"name": {"S": "a task without a status"}})
    status, detail = refused(api, "GET", "/v1/tasks/1")
    assert status == 500
    assert re.fullmatch(r"request [0-9a-f-]{36} failed", detail)
    assert detail.split()[1] in caplog.text
    assert "missing required field" in caplog.text


KEY = "idempotency-key: expected 1 to 255 printable characters in double quotes"
TAGS = "expected * or a list of tags as ETag gives them"
HEADERS: dict[str, tuple[str, dict[str, str], str]] = {
    "an empty key": ("POST", {"Idempotency_Key": '""'}, KEY),
    "no key": ("POST", {"Idempotency_Key": " "}, KEY),
    "half a key": ("PATCH", {"Idempotency_Key": '"a'}, KEY),
    "two keys": ("POST", {"Idempotency_Key": '"a", "b"'}, KEY),
    "a key with a parameter": ("POST", {"Idempotency_Key": '"a";b=1'}, KEY),
    "a key with a false escape": ("POST", {"Idempotency_Key": r'"\a"'}, KEY),
    "a key with a letter beyond ASCII": ("POST", {"Idempotency_Key": '"é"'}, KEY),
    "a key that is too long": ("DELETE", {"Idempotency_Key": "a" * 256}, KEY),
    "a tag without quotes": ("PATCH", {"If_Match": "7"}, f"if-match: {TAGS}"),
    "a tag beside any": ("DELETE", {"If_Match": '*, "7"'}, f"if-match: {TAGS}"),
    "tags without commas": ("PATCH", {"If_Match": '"7" "8"'}, f"if-match: {TAGS}"),
    "no tag": ("PATCH", {"If_Match": ", ,"}, f"if-match: {TAGS}"),
    "many tags": (
        "PATCH",
        {"If_Match": ",".join(f'"{version}"' for version in range(1, 102))},
        "if-match: at most 100 tags",
    ),
    "a tag for what is new": ("POST", {"If_Match": "*"}, "if-match: not with POST"),
    "a weak tag in small letters": (
        "GET",
        {"If_None_Match": 'w/"7"'},
        f"if-none-match: {TAGS}",
    ),
    "a change of what is not known": (
        "PATCH",
        {"If_None_Match": '"7"'},
        "if-none-match: only with GET",
    ),
}


@pytest.mark.parametrize(("method", "headers", "detail"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_can_not_be_read_is_refused(
    api: Api, method: str, headers: dict[str, str], detail: str
) -> None:
    [task] = add_tasks(1)
    path = "/v1/tasks" if method == "POST" else f"/v1/tasks/{task}"
    assert refused(api, method, path, {"name": "mend"}, **headers) == (400, detail)
    assert [task["name"] for task in api("GET", "/v1/tasks").json_body] == ["plan"]
