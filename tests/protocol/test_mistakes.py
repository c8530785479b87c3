"""Every client error is a problem response that names the error and changes nothing."""

import json
import re
import sys
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.dynamodb import botocore_patches
from chalicelib.dynamodb.models import TaskModel
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS
from chalicelib.services import cursor as cursors
from chalicelib.services.pagination import Paging
from tests.conftest import Api
from tests.support.bulk_data import add_tasks

pytestmark = pytest.mark.backend("moto")

BIG = 2**53


@pytest.fixture
def api(api: Api, database: object) -> Api:
    """The API on fresh tables."""
    return api


def rejection(api: Api, *request: Any, **headers: str) -> tuple[int, str]:
    """Send an invalid request and return the status and the detail of the problem."""
    response = api(*request, **headers)
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(response.body)
    assert set(problem) == {"type", "title", "status", "success", "detail"}
    assert problem["status"] == response.status_code
    assert problem["success"] is False
    return response.status_code, problem["detail"]


NAME = "name: must be a string of 1 to 200 characters"
BLANK = "name: must have 1 to 200 characters, at least one of which is visible"
CONTROL = "name: must not contain control characters"
DESC = "desc: must be a string of at most 10000 characters"
DATE = "expires_at: must be a date that exists, YYYY-MM-DD, or null"
STATUS = "status: must be one of PENDING, IN_PROGRESS, DONE, CANCELLED"
OBJECT = "body: must be a JSON object"
ALLOWED = "allowed are assignees, desc, expires_at, name, status"
DEEP = "body: must not be nested that deeply"
HALF = r"body: must not contain half of a surrogate pair, as in \ud800"


def invalid_json(line: int, column: int) -> str:
    return f"body: must be valid JSON; syntax error at line {line}, column {column}"


def a(**fields: Any) -> bytes:
    """Return a valid task body with these fields replaced."""
    return json.dumps({"name": "a", **fields}).encode()


TEXTS = {
    "nothing": (b"", f"{OBJECT}; it is empty"),
    "white space": (b" \n ", invalid_json(2, 2)),
    "half an object": (b"{", invalid_json(1, 2)),
    "half a name": (b'{"name": "a', invalid_json(1, 10)),
    "no JSON": (b'{\n "name": "\xc3\xa9", oops}', invalid_json(2, 15)),
    "single quotes": (b"{'name': 'a'}", invalid_json(1, 2)),
    "two objects": (b'{"name": "a"}{}', invalid_json(1, 14)),
    # Python 3.13 names the place of the comma, earlier versions the place after it.
    "a comma at the end": (b'{"name": "a",}', invalid_json(1, 13 + (sys.version_info < (3, 13)))),
    "NaN": (b'{"name": NaN}', invalid_json(1, 10)),
    "a raw control character": (b'{"name": "\x01"}', invalid_json(1, 11)),
    "a byte order mark": (
        b'\xef\xbb\xbf{"name": "a"}',
        "body: must not begin with a byte order mark",
    ),
    "no UTF-8": (b'{"name": "\xff"}', "body: must be UTF-8; byte 11 is invalid"),
    "UTF-16": ('{"name": "a"}'.encode("utf-16"), "body: must be UTF-8; byte 1 is invalid"),
    "a lone surrogate": (rb'{"name": "\ud800"}', HALF),
    "a lone surrogate in a key": (rb'{"\udc00": "a"}', HALF),
    "a list": (b"[]", OBJECT),
    "null": (b"null", OBJECT),
    "a string": (b'"name"', OBJECT),
    "a number": (b"7", OBJECT),
    "a number above the float range": (b"1e999999", OBJECT),
    "a number below the float range": (b" -1e999999", OBJECT),
    "a long number": (b"9" * 5_000, OBJECT),
    "minus zero": (b"-0", OBJECT),
    "Infinity": (b"-Infinity", invalid_json(1, 2)),
    "a name that is a number beyond all floats": (b'{"name": 1e999999}', NAME),
    "a date that is a number above the float range": (
        b'{"name": "a", "expires_at": -1e999999}',
        DATE,
    ),
    "an empty name of a field": (a(**{"": 1}), f'"": unknown field; {ALLOWED}'),
    "deep nesting": (b"[" * 100_000, OBJECT),
    "deep nesting in a field": (b'{"x": ' + b"[" * 100_000, f"x: unknown field; {ALLOWED}"),
    "no name": (b"{}", "name: required"),
    "an unknown field": (a(title="a"), f"title: unknown field; {ALLOWED}"),
    "an unknown field of many characters": (
        a(**{"t\n" * 1000: 1}),
        "t\n" * 50 + f"…: unknown field; {ALLOWED}",
    ),
    "an id": (a(id=1), f"id: unknown field; {ALLOWED}"),
    "a duplicate name": (b'{"name": "a", "name": "b"}', "name: must be given only once"),
    "a duplicate name with an escape": (
        rb'{"name": "a", "n\u0061me": "a"}',
        "name: must be given only once",
    ),
    "a duplicate name of half a pair": (rb'{"\ud800": 1, "\ud800": 1}', HALF),
    "a long integer": (b'{"name": ' + b"9" * 5_000 + b"}", NAME),
    "a name that is a number": (a(name=7), NAME),
    "a name that is true": (a(name=True), NAME),
    "a name that is null": (a(name=None), NAME),
    "a name that is a list": (a(name=["a"]), NAME),
    "a name that is an object": (a(name={"a": "b"}), NAME),
    "an empty name": (a(name=""), BLANK),
    "a name of spaces": (a(name=" \u3000 "), BLANK),
    "a name of zero-width characters": (a(name="\u200b\ufeff"), BLANK),
    "a name of a Hangul filler": (a(name="\u3164"), BLANK),
    "a name of soft hyphens": (a(name="\u00ad \u00ad"), BLANK),
    "a name of tags": (a(name="\U000e0041"), BLANK),
    "a name that is too long": (a(name="a" * 201), BLANK),
    "a control character": (a(name="a\u0000"), CONTROL),
    "a line break": (a(name="a\n"), CONTROL),
    "a control character of Latin 1": (a(name="a\x85"), CONTROL),
    "no desc": (a(desc=None), DESC),
    "a desc that is a number": (a(desc=1.5), DESC),
    "a desc that is too long": (a(desc="a" * 10_001), DESC),
    "another status": (a(status="done"), STATUS),
    "no status": (a(status=None), STATUS),
    "a status that is a number": (a(status=1), STATUS),
    "a date that does not exist": (a(expires_at="2030-02-30"), DATE),
    "a date in another format": (a(expires_at="30.12.2030"), DATE),
    "a date with a time": (a(expires_at="2030-02-03T00:00:00"), DATE),
    "a date that is a number": (a(expires_at=20300203), DATE),
    "an empty date": (a(expires_at=""), DATE),
}


@pytest.mark.parametrize(("body", "detail"), TEXTS.values(), ids=TEXTS)
def test_an_invalid_task_body_is_rejected(api: Api, body: bytes, detail: str) -> None:
    assert rejection(api, "POST", "/v1/tasks", body) == (400, detail)
    assert api("GET", "/v1/tasks").json_body == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a" * 201}, "name"),
        ({"name": "a", "desc": "a" * 10_001}, "desc"),
        ({"name": "a", "assignees": [*range(1, 52)]}, "assignees"),
    ],
)
def test_a_task_at_the_limits_is_accepted_and_one_beyond_rejected(
    api: Api, body: Any, field: str
) -> None:
    status, detail = rejection(api, "POST", "/v1/tasks", body)
    assert (status, detail.partition(":")[0]) == (400, field)
    largest = {"name": "a" * 200, "desc": "é" * 10_000}
    assert api("POST", "/v1/tasks", largest).json_body["payload"]["desc"] == largest["desc"]


USERNAME = "username: must have 1 to 254 characters, at least one of which is visible"
INVISIBLE = "username: must not contain invisible characters"
USERNAMES = {
    "empty": ("", USERNAME),
    "of spaces": (" \u2003", USERNAME),
    "of zero-width characters": ("\u200b", USERNAME),
    "a Hangul filler": ("\u3164", USERNAME),
    "a half-width Hangul filler": ("\uffa0", USERNAME),
    "a byte order mark": ("\ufeff", USERNAME),
    "too long": ("a" * 255, USERNAME),
    "with a joiner": ("bo\u200db", INVISIBLE),
    "with a soft hyphen": ("bo\u00adb", INVISIBLE),
    "with a variation selector": ("bob\ufe0f", INVISIBLE),
    "with a direction mark": ("\u202ebob", INVISIBLE),
    "with an Arabic number sign": ("bob\u0600", INVISIBLE),
    "with a tab": ("a\tb", "username: must not contain control characters"),
    "a number": (7, "username: must be a string of 1 to 254 characters"),
    "null": (None, "username: must be a string of 1 to 254 characters"),
}


@pytest.mark.parametrize(("name", "detail"), USERNAMES.values(), ids=USERNAMES)
def test_an_invalid_username_is_rejected(api: Api, name: Any, detail: str) -> None:
    assert rejection(api, "POST", "/v1/users", {"username": name}) == (400, detail)
    assert api("GET", "/v1/users").json_body == []


def test_names_are_trimmed_and_keep_inner_spaces(api: Api) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    for method, path in (("POST", "/v1/tasks"), ("PUT", "/v1/tasks/1"), ("PATCH", "/v1/tasks/1")):
        body = {"name": f" \u3000{family} {method} \u2028", "desc": " a ", "status": "DONE"}
        task = api(method, path, body).json_body["payload"]
        assert (task["name"], task["desc"]) == (f"{family} {method}", " a ")
    longest = api("POST", "/v1/tasks", {"name": " " * 900 + "a" * 200})
    assert longest.json_body["payload"]["name"] == "a" * 200
    assert api("POST", "/v1/users", {"username": "a" * 254}).status_code == 201
    assert api("POST", "/v1/users", {"username": " bob "}).json_body["username"] == "bob"


def test_a_put_requires_every_writable_field(api: Api) -> None:
    for field in ("name", "desc", "status"):
        body = {"name": "a", "desc": "", "status": "DONE"}
        del body[field]
        assert rejection(api, "PUT", "/v1/tasks/1", body) == (400, f"{field}: required")


def test_a_body_over_the_size_limit_is_rejected(api: Api) -> None:
    most = 256 * 1024
    body = b'{"name": "a"' + b" " * (most - 13) + b"}"
    assert api("POST", "/v1/tasks", body).status_code == 201
    status, detail = rejection(api, "POST", "/v1/tasks", body + b" ")
    assert (status, detail) == (413, f"body: must have at most {most} bytes")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_another_content_type_is_rejected(api: Api, kind: str) -> None:
    response = rejection(api, "POST", "/v1/tasks", {"name": "a"}, Content_Type=kind)
    assert response == (415, "content-type: must be application/json")


ENCODED = "content-encoding: must be identity, or absent"


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP", "gzip, identity", "identity, gzip", "x"])
def test_an_encoded_body_is_rejected(api: Api, coding: str) -> None:
    [task] = add_tasks(1)
    body = {"name": "a", "desc": "", "status": "DONE"}
    for method, path in (
        ("POST", "/v1/tasks"),
        ("PUT", f"/v1/tasks/{task}"),
        ("PATCH", f"/v1/tasks/{task}"),
        ("DELETE", f"/v1/tasks/{task}"),
    ):
        response = rejection(api, method, path, body, Content_Encoding=coding)
        assert response == (415, ENCODED)
        headers = api(method, path, body, Content_Encoding=coding).headers
        assert headers["Accept-Encoding"] == "identity"
    assert [task["name"] for task in api("GET", "/v1/tasks").json_body] == ["plan"]


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
def test_an_identity_encoded_body_is_accepted(api: Api, coding: str) -> None:
    assert api("POST", "/v1/tasks", {"name": "a"}, Content_Encoding=coding).status_code == 201


def test_only_a_patch_may_be_a_merge_patch(api: Api) -> None:
    [task] = add_tasks(1, expires_at="2030-01-01")
    path, kind = f"/v1/tasks/{task}", "application/merge-patch+json; charset=utf-8"
    done = api("PATCH", path, {"expires_at": None}, Content_Type=kind)
    assert (done.status_code, done.json_body["payload"]["expires_at"]) == (200, None)
    assert rejection(api, "POST", "/v1/tasks", {"name": "a"}, Content_Type=kind) == (
        415,
        "content-type: must be application/json",
    )
    response = api("PATCH", path, b"[]", Content_Type="application/json-patch+json")
    assert response.status_code == 415
    assert response.json_body["detail"] == (
        "content-type: must be application/json or application/merge-patch+json"
    )
    assert response.headers["Accept-Patch"] == "application/merge-patch+json, application/json"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_task_from_a_response_is_a_valid_request_body(api: Api, method: str) -> None:
    user = api("POST", "/v1/users", {"username": "ada"}).json_body["id"]
    [task] = add_tasks(1, assignees=[user])
    path = f"/v1/tasks/{task}"
    got = api("GET", path).json_body
    same = api(method, path, got).json_body["payload"]
    assert same == got | {"updated_at": same["updated_at"], "etag": '"2"'}
    ignored = {"created_at": {"a": [7]}, "updated_at": 7, "etag": None}
    edited = api(method, path, got | ignored | {"desc": "new"}).json_body["payload"]
    assert edited == same | {"updated_at": edited["updated_at"], "desc": "new", "etag": '"3"'}
    for ident in (task + 1, str(task), None, float(task) + 0.5, [task]):
        status, detail = rejection(api, method, path, {**got, "id": ident})
        assert (status, detail.partition(",")[0]) == (400, "id: must be the id in the path")
    assert api("GET", path).json_body == edited


IGNORED = {
    "a duplicate name in a long place": (
        b'{"%s": {"b": 1, "b": 1}}' % (b"a" * 99),
        "b: must be given only once",
    ),
    "a duplicate name": (b'{"a": 1, "b": {}, "a": 1}', "updated_at.a: must be given only once"),
    "a nested duplicate name": (
        b'[[{"b": [{"a": 1, "a": 2}]}]]',
        "updated_at[0][0].b[0].a: must be given only once",
    ),
    "deep nesting": (b"[" * 50_000 + b"]" * 50_000, DEEP),
    "half a list": (b"[", invalid_json(1, 17)),
    "no UTF-8": (b'"\xff"', "body: must be UTF-8; byte 17 is invalid"),
    "half a pair": (rb'"\ud800"', HALF),
}


@pytest.mark.parametrize(("value", "detail"), IGNORED.values(), ids=IGNORED)
def test_ignored_fields_must_be_valid_json(api: Api, value: bytes, detail: str) -> None:
    [task] = add_tasks(1)
    body = b'{"updated_at": ' + value + b"}"
    assert rejection(api, "PATCH", f"/v1/tasks/{task}", body) == (400, detail)


MARK = "` - at `$"
"""What msgspec puts before a path."""
OPERATIONS = "operations: must be a list of 1 to 50 operations"
OPS = "must be one of create, patch, delete, assign"


@pytest.mark.parametrize("end", [".x", ".name", ".name.x", ".operations[5]", "[0]", "`", ""])
def test_a_name_or_a_value_that_looks_like_a_path_is_only_text(api: Api, end: str) -> None:
    text = f"a{MARK}{end}"
    field = json.dumps(text)
    unknown = f"{text}: unknown field; allowed are "
    fields = ALLOWED.removeprefix("allowed are ")
    for body in (f'{{"name": "x", {field}: 1}}', f'{{{field}: 1, "name": "x"}}'):
        response = rejection(api, "POST", "/v1/tasks", body.encode())
        assert response == (400, unknown + fields)
    assert rejection(api, "POST", "/v1/tasks", a(status=text)) == (400, STATUS)
    assert rejection(api, "POST", "/v1/tasks", a(expires_at=text))[0] == 400
    assert rejection(api, "GET", f"/v1/tasks?status={quote(text)}")[1].startswith("status: ")
    assert rejection(api, "GET", f"/v1/tasks?{quote(text)}=1")[1].startswith(f"{text}: unknown")
    for operation, detail in (
        (f'{{"op": {field}, "task": {{}}}}', f"operations[0].op: {OPS}"),
        (f'{{"op": "create", {field}: 1}}', f"operations[0].{unknown}task"),
        (f'{{"op": "create", "task": {{{field}: 1}}}}', f"operations[0].task.{unknown}{fields}"),
        (f'{{"op": "create", "task": {{"status": {field}}}}}', f"operations[0].task.{STATUS}"),
    ):
        batch = f'{{"operations": [{operation}]}}'.encode()
        assert rejection(api, "POST", "/v1/tasks/batch", batch) == (400, detail)
    batch = f'{{{field}: 1, "operations": []}}'.encode()
    assert rejection(api, "POST", "/v1/tasks/batch", batch) == (400, f"{unknown}operations")
    batch = f'{{"operations": [], {field}: 1}}'.encode()
    assert rejection(api, "POST", "/v1/tasks/batch", batch) == (400, OPERATIONS)


CREATE = '{"op": "create", "task": {"name": %s}}'
TWICE = {
    "an object in an ignored field": (
        '{"op": "patch", "id": 1, "task": {"updated_at": [{"b": 1, "b": 1}]}}',
        "operations[0].task.updated_at[0].b",
    ),
    "a field of a task": (CREATE % '"a", "name": "b"', "operations[0].task.name"),
    "a field after an error": (CREATE % '7, "name": "b"', "operations[0].task.name"),
    "the operations, the first of which are wrong": (
        f'{CREATE % "1"}, {CREATE % 7}], "operations": [{CREATE % 7}',
        "operations",
    ),
    "the operations, then a number": (f'{CREATE % 7}], "operations": 5, "x": [1', "operations"),
}


@pytest.mark.parametrize(("operations", "place"), TWICE.values(), ids=TWICE)
def test_a_duplicate_name_in_a_batch_is_named_with_its_place(
    api: Api, operations: str, place: str
) -> None:
    body = f'{{"operations": [{operations}]}}'.encode()
    detail = f"{place}: must be given only once"
    assert rejection(api, "POST", "/v1/tasks/batch", body) == (400, detail)


@pytest.mark.parametrize("rest", ["1e999", '{"updated_at": 1e999}'])
def test_a_number_beyond_all_floats_does_not_hide_another_error(api: Api, rest: str) -> None:
    body = f'{{"operations": [{CREATE % 7}, {rest}]}}'.encode()
    detail = f"operations[0].task.{NAME}"
    assert rejection(api, "POST", "/v1/tasks/batch", body) == (400, detail)


def test_an_ignored_number_may_have_any_length(api: Api) -> None:
    [task] = add_tasks(1)
    body = b'{"updated_at": [' + b"9" * 5000 + b", 1e999]}"
    assert api("PATCH", f"/v1/tasks/{task}", body).status_code == 200


@pytest.mark.parametrize("text", ["\x01", "\U0001f600", '"'])
def test_the_response_with_the_largest_task_is_stored(api: Api, text: str) -> None:
    name = (text if text.isprintable() else "a") * 200
    body = {"name": name, "desc": text * 10_000}
    first, again = (api("POST", "/v1/tasks", body, Idempotency_Key="a") for _ in range(2))
    assert (first.status_code, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_each_json_response_ends_with_one_newline(api: Api) -> None:
    key = {"Idempotency_Key": "a"}
    replies = [
        api("POST", "/v1/tasks", {"name": "a"}, **key),
        api("POST", "/v1/tasks", {"name": "a"}, **key),
        api("GET", "/v1/tasks"),
        api("GET", "/v1/tasks/1"),
        api("GET", "/v1/tasks/7"),
        api("GET", "/v1/tasks/0"),
        api("GET", "/v1/openapi.json"),
    ]
    for reply in replies:
        assert reply.body.endswith(b"\n")
        assert not reply.body.endswith(b"\n\n")
    assert replies[0].body == replies[1].body


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", ""])
def test_other_spellings_of_the_json_media_type_are_accepted(api: Api, kind: str) -> None:
    assert api("POST", "/v1/tasks", {"name": "a"}, Content_Type=kind).status_code == 201


@pytest.mark.parametrize(
    "ident",
    ["0", "-1", "1.0", "abc", "01", f"{BIG}", "9" * 5000, "%30", "%2531", "%C2%B2", "\u0661"],
)
def test_an_invalid_id_is_rejected(api: Api, ident: str) -> None:
    for method, path, name in (
        ("GET", f"/v1/users/{ident}", "user_id"),
        ("GET", f"/v1/users/{ident}/tasks", "user_id"),
        ("DELETE", f"/v1/tasks/{ident}", "task_id"),
        ("PUT", f"/v1/tasks/1/assign/user/{ident}", "user_id"),
    ):
        detail = f"{name}: must be an integer from 1 to {BIG - 1}"
        assert rejection(api, method, path) == (400, detail)
    assert api("GET", f"/v1/tasks/{BIG - 1}").json_body is None


def test_a_percent_encoded_id_is_the_same_id(api: Api) -> None:
    [task] = add_tasks(1)
    assert task == 1
    assert api("GET", "/v1/tasks/%31").json_body["id"] == 1


PAGE = "page_size: must be an integer from 1 to 1000"
OFFSET = "offset: must be an integer from 0 to 10000; to go further, follow the Link header"
ORDER = "order: must be one of asc, desc"
SORT = "sort: must be one of created_at, expires_at"
CURSOR = "cursor: must be a cursor from a Link header"
PARAMETERS = (
    "created_after, created_before, cursor, due_after, due_before, offset, order, page_size, sort,"
    " status"
)
STATUSES = f"{STATUS}, or several, separated by commas"
DATE = "must be a date that exists, YYYY-MM-DD"
UNASSIGNED = "unassigned: must be true; leave it out to list all tasks"
ONCE = "status: must have each status only once"
QUERIES = {
    **dict.fromkeys(
        [
            f"page_size={text}"
            for text in ("0", "1001", "-1", "ten", "", "1e2", "1.5", "+5", "%201")
        ],
        PAGE,
    ),
    **dict.fromkeys([f"page_size={'9' * length}" for length in (15, 16, 5000)], PAGE),
    **dict.fromkeys([f"offset={text}" for text in ("-1", "10001", "x", "", "1.5", "%201")], OFFSET),
    **dict.fromkeys([f"offset={'9' * length}" for length in (15, 16, 5000)], OFFSET),
    "sort=name": SORT,
    "sort=": SORT,
    "order=up": ORDER,
    "order=ASC": ORDER,
    "status=pending": STATUSES,
    "status=": STATUSES,
    "status=DONE,": STATUSES,
    "status=DONE, PENDING": STATUSES,
    "status=DONE,FINISHED": STATUSES,
    "status=DONE,PENDING,DONE": ONCE,
    "due_after=": f"due_after: {DATE}",
    "due_before=2030-02-30": f"due_before: {DATE}",
    "due_before=0000-01-01": f"due_before: {DATE}",
    "created_after=2030-01-01T00:00:00": f"created_after: {DATE}",
    "created_before=1": f"created_before: {DATE}",
    "due_after=2030-01-02&due_before=2030-01-01": (
        "due_before: must not be before due_after, which is 2030-01-02"
    ),
    "created_before=2030-01-01&created_after=2030-01-02": (
        "created_before: must not be before created_after, which is 2030-01-02"
    ),
    "limit=5": f"limit: unknown query parameter; allowed are {PARAMETERS}",
    "a%0Ab=5": f"a\nb: unknown query parameter; allowed are {PARAMETERS}",
    "page_size=5&page_size=5": "page_size: must be given only once",
    **dict.fromkeys([f"cursor={text}" for text in ("", "!!", "AAAA", "W10", "%C3%A9")], CURSOR),
}


@pytest.mark.parametrize(("query", "detail"), QUERIES.items(), ids=lambda text: text[:30])
def test_an_invalid_query_parameter_is_rejected(api: Api, query: str, detail: str) -> None:
    assert rejection(api, "GET", f"/v1/users/1/tasks?{query}") == (400, detail)
    of_all = detail.replace(PARAMETERS, f"{PARAMETERS}, unassigned")
    assert rejection(api, "GET", f"/v1/tasks?{query}") == (400, of_all)


@pytest.mark.parametrize("value", ["false", "", "True", "1"])
def test_unassigned_is_true_or_absent(api: Api, value: str) -> None:
    assert rejection(api, "GET", f"/v1/tasks?unassigned={value}") == (400, UNASSIGNED)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("username=", USERNAME),
        (f"username={'a' * 255}", USERNAME),
        ("username=a%E2%80%8Bb", INVISIBLE),
        ("username=a&username=b", "username: must be given only once"),
        ("username=ada&order=desc", "order: must not be sent with username"),
        ("username=ada&offset=1", "offset: must not be sent with username"),
        ("username=ada&cursor=abc", "cursor: must not be sent with username"),
    ],
)
def test_a_username_to_find_has_the_rules_of_a_username_and_comes_alone(
    api: Api, query: str, detail: str
) -> None:
    status, text = rejection(api, "GET", f"/v1/users?{query}")
    assert (status, text.partition("; one")[0]) == (400, detail)
    assert rejection(api, "GET", f"/v1/tasks?{query}")[0] == 400


@pytest.mark.parametrize("query", ["sort=created_at", "status=DONE"])
def test_users_have_no_status_and_one_order(api: Api, query: str) -> None:
    field = query.partition("=")[0]
    allowed = "cursor, offset, order, page_size, username"
    detail = f"{field}: unknown query parameter; allowed are {allowed}"
    assert rejection(api, "GET", f"/v1/users?{query}") == (400, detail)


ENDPOINTS_WITHOUT_QUERY = [one for one in ENDPOINTS if "query" not in one.parameters]


@pytest.mark.parametrize("one", ENDPOINTS_WITHOUT_QUERY, ids=lambda one: one.view.__name__)
def test_a_query_parameter_without_a_definition_is_rejected(api: Api, one: Endpoint) -> None:
    [task] = add_tasks(1)
    api("POST", "/v1/users", {"username": "ada"})
    before = api("GET", "/v1/tasks").body, api("GET", "/v1/users").body
    body = {"username": "bob"} if one.path == "/v1/users" else {"name": "b"}
    if one.method == "PUT":
        body |= {"desc": "", "status": "DONE"}
    path = re.sub("{.*?}", str(task), one.path)
    detail = "dry_run: unknown query parameter; none is allowed"
    assert rejection(api, one.method, f"{path}?dry_run=true", body) == (400, detail)
    assert (api("GET", "/v1/tasks").body, api("GET", "/v1/users").body) == before


def test_a_cursor_is_valid_only_for_its_list_order_and_filter(api: Api) -> None:
    for name in ("a", "b"):
        api("POST", "/v1/tasks", {"name": name})
    link = api("GET", "/v1/tasks?page_size=1&sort=expires_at&status=PENDING").headers["Link"]
    query = link.partition(">")[0].partition("?")[2]
    for more, detail in (
        ("sort=created_at", "sort: must be expires_at, as in the cursor"),
        ("order=desc", "order: must be asc, as in the cursor"),
        ("status=DONE", "status: must be PENDING, as in the cursor"),
        ("offset=1", "offset: must not be sent with a cursor"),
    ):
        assert rejection(api, "GET", f"/v1/tasks?{query}&{more}") == (400, detail)
    detail = "cursor: must be from the Link header of this list"
    for path in ("/v1/users", "/v1/users/1/tasks"):
        assert rejection(api, "GET", f"{path}?{query}") == (400, detail)
    same = api("GET", f"/v1/tasks?{query}&sort=expires_at&order=asc&status=PENDING")
    assert [task["name"] for task in same.json_body] == ["b"]


NEWEST = "2026-01-31T12:00:00.000000Z#0000000000000007"
URGENT = "2030-01-01#0000000000000007"
REVERSED = Paging(first_day=date(2026, 1, 2), last_day=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("path", "paging", "after"),
    [
        ("tasks", Paging(statuses=("BOGUS",)), NEWEST),
        ("tasks", Paging(statuses=("", "DONE")), NEWEST),
        ("tasks", Paging(statuses=("A" * 1024,)), NEWEST),
        ("users/1/tasks", Paging(statuses=("A" * 1024,)), NEWEST),
        ("users/1/tasks", Paging(statuses=("done",), sort="expires_at"), URGENT),
        ("users", Paging(statuses=("DONE",)), NEWEST),
        ("users", Paging(sort="expires_at"), URGENT),
        ("users", Paging(first_day=date(2026, 1, 1)), NEWEST),
        ("tasks", Paging(statuses=("DONE", "PENDING")), NEWEST),
        ("tasks", Paging(unassigned=True), NEWEST),
        ("tasks", REVERSED, NEWEST),
        ("users/1/tasks", REVERSED, NEWEST),
        ("users/1/tasks", Paging(unassigned=True, sort="expires_at"), URGENT),
        ("tasks", Paging(statuses=("DONE", "DONE")), NEWEST),
        ("tasks", Paging(), URGENT),
        ("tasks", Paging(sort="expires_at"), NEWEST),
    ],
)
def test_a_forged_cursor_has_the_limits_of_the_query(
    api: Api, path: str, paging: Paging, after: str
) -> None:
    api("POST", "/v1/users", {"username": "ada"})
    cursor = cursors.encode(path, paging, after)
    assert rejection(api, "GET", f"/v1/{path}?cursor={cursor}") == (400, CURSOR)


def test_an_internal_error_returns_a_request_id_and_logs_the_details(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    table = botocore_patches.table_of(TaskModel)
    table.put_item("1", attributes={"name": {"S": "a task without a status"}})
    status, detail = rejection(api, "GET", "/v1/tasks/1")
    assert status == 500
    assert re.fullmatch(r"request [0-9a-f-]{36} failed", detail)
    assert detail.split()[1] in caplog.text
    assert "missing required field" in caplog.text


KEY = "idempotency-key: must have 1 to 255 printable characters in double quotes"
TAGS = 'must be * or a list of ETags, such as "1", "2"'
HEADERS: dict[str, tuple[str, dict[str, str], str]] = {
    "an empty key": ("POST", {"Idempotency_Key": '""'}, KEY),
    "no key": ("POST", {"Idempotency_Key": " "}, KEY),
    "a key without a closing quote": ("PATCH", {"Idempotency_Key": '"a'}, KEY),
    "two keys": (
        "POST",
        {"Idempotency_Key": '"a", "b"'},
        "idempotency-key: must be sent only once",
    ),
    "a key with a parameter": ("POST", {"Idempotency_Key": '"a";b=1'}, KEY),
    "a key with an invalid escape": ("POST", {"Idempotency_Key": r'"\a"'}, KEY),
    "a key with a non-ASCII letter": ("POST", {"Idempotency_Key": '"é"'}, KEY),
    "a key that is too long": ("DELETE", {"Idempotency_Key": "a" * 256}, KEY),
    "a tag without quotes": ("PATCH", {"If_Match": "7"}, f"if-match: {TAGS}"),
    "an asterisk in a list of tags": ("DELETE", {"If_Match": '*, "7"'}, f"if-match: {TAGS}"),
    "tags without commas": ("PATCH", {"If_Match": '"7" "8"'}, f"if-match: {TAGS}"),
    "no tag": ("PATCH", {"If_Match": ", ,"}, f"if-match: {TAGS}"),
    "many tags": (
        "PATCH",
        {"If_Match": ",".join(f'"{version}"' for version in range(1, 102))},
        "if-match: must have at most 100 tags",
    ),
    "If-Match with POST": ("POST", {"If_Match": "*"}, "if-match: must not be sent with POST"),
    "a lowercase weak prefix": (
        "GET",
        {"If_None_Match": 'w/"7"'},
        f"if-none-match: {TAGS}",
    ),
    "If-None-Match with a write": (
        "PATCH",
        {"If_None_Match": '"7"'},
        "if-none-match: must be sent with GET or HEAD only",
    ),
}


@pytest.mark.parametrize(("method", "headers", "detail"), HEADERS.values(), ids=HEADERS)
def test_a_malformed_header_is_rejected(
    api: Api, method: str, headers: dict[str, str], detail: str
) -> None:
    [task] = add_tasks(1)
    path = "/v1/tasks" if method == "POST" else f"/v1/tasks/{task}"
    assert rejection(api, method, path, {"name": "edit"}, **headers) == (400, detail)
    assert [task["name"] for task in api("GET", "/v1/tasks").json_body] == ["plan"]


def test_a_cross_site_request_without_a_content_type_is_rejected(api: Api) -> None:
    response = rejection(
        api, "POST", "/v1/tasks", {"name": "a"}, Content_Type="", Origin="https://evil.example"
    )
    assert response == (415, "content-type: must be application/json")
