"""Each limit of a request, with the last value that is accepted and the first that is refused."""

import re
from typing import Any

import pytest

from billet.openapi import document
from tests.conftest import Api
from tests.support.bulk_data import add_tasks

pytestmark = pytest.mark.backend("moto")

PAD = '{"name": "a"}'
BODY = 256 * 1024


def post_user(api: Api, username: str) -> int:
    return int(api("POST", "/v1/users", {"username": username}).status_code)


def post_task(api: Api, **fields: Any) -> int:
    return int(api("POST", "/v1/tasks", {"name": "a", **fields}).status_code)


def put_task(api: Api, **fields: Any) -> int:
    body = {"name": "a", "desc": "", "status": "DONE", **fields}
    return int(api("PUT", "/v1/tasks/1", body).status_code)


def patch_task(api: Api, **fields: Any) -> int:
    return int(api("PATCH", "/v1/tasks/1", fields).status_code)


def with_key(api: Api, key: str) -> int:
    return int(api("POST", "/v1/tasks", {"name": "a"}, Idempotency_Key=key).status_code)


def with_tags(api: Api, count: int) -> int:
    tags = ", ".join(f'"{version}"' for version in range(1, count + 1))
    return int(api("PATCH", "/v1/tasks/1", {"name": "a"}, If_Match=tags).status_code)


def get(api: Api, path: str) -> int:
    return int(api("GET", path).status_code)


def post_bytes(api: Api, count: int) -> int:
    return int(api("POST", "/v1/tasks", PAD.ljust(count).encode()).status_code)


LIMITS: dict[str, tuple[Any, ...]] = {
    "username at most": (post_user, "a" * 254, 201, "a" * 255, 400),
    "username of wide characters at most": (post_user, "\u4e2d" * 254, 201, "\u4e2d" * 255, 400),
    "username at least": (post_user, "a", 201, "", 400),
    "idempotency key at most": (with_key, "a" * 255, 201, "a" * 256, 400),
    "quoted key at most": (with_key, f'"{"!" * 255}"', 201, f'"{"!" * 256}"', 400),
    "escaped key at most": (with_key, '"' + r"\"" * 255 + '"', 201, '"' + r"\"" * 256 + '"', 400),
    "quoted key at least": (with_key, '"a"', 201, '""', 400),
    "tags at most": (with_tags, 100, 200, 101, 400),
    "page_size at most": (get, "/v1/tasks?page_size=1000", 200, "/v1/tasks?page_size=1001", 400),
    "page_size at least": (get, "/v1/tasks?page_size=1", 200, "/v1/tasks?page_size=0", 400),
    "users page_size": (get, "/v1/users?page_size=1000", 200, "/v1/users?page_size=1001", 400),
    "offset at most": (get, "/v1/tasks?offset=10000", 200, "/v1/tasks?offset=10001", 400),
    "offset at least": (get, "/v1/tasks?offset=0", 200, "/v1/tasks?offset=-1", 400),
    "users offset at most": (get, "/v1/users?offset=10000", 200, "/v1/users?offset=10001", 400),
    "id at most": (get, f"/v1/tasks/{2**53 - 1}", 200, f"/v1/tasks/{2**53}", 400),
    "id at least": (get, "/v1/tasks/1", 200, "/v1/tasks/0", 400),
    "user id at most": (get, f"/v1/users/{2**53 - 1}", 200, f"/v1/users/{2**53}", 400),
    "body at most": (post_bytes, BODY, 201, BODY + 1, 413),
}
TEXTS: dict[str, tuple[str, str, str]] = {
    "name at most": ("name", "a" * 200, "a" * 201),
    "name of emoji at most": ("name", "\U0001f600" * 200, "\U0001f600" * 201),
    "name at least": ("name", "a", ""),
    "desc at most": ("desc", "a" * 10_000, "a" * 10_001),
    "desc of emoji at most": ("desc", "\U0001f600" * 10_000, "\U0001f600" * 10_001),
}


@pytest.fixture
def api(api: Api, database: object) -> Api:
    """The API with the task 1."""
    assert add_tasks(1) == [1]
    return api


@pytest.mark.parametrize(
    ("send", "inside", "accepted", "outside", "refused"), LIMITS.values(), ids=LIMITS
)
def test_a_limit_is_the_last_value_that_is_accepted(
    api: Api, send: Any, inside: Any, accepted: int, outside: Any, refused: int
) -> None:
    assert send(api, inside) == accepted
    assert send(api, outside) == refused


@pytest.mark.parametrize(("field", "inside", "outside"), TEXTS.values(), ids=TEXTS)
def test_a_limit_of_a_text_is_the_same_for_every_method(
    api: Api, field: str, inside: str, outside: str
) -> None:
    for send, accepted in ((post_task, 201), (put_task, 200), (patch_task, 200)):
        assert send(api, **{field: inside}) == accepted
        assert send(api, **{field: outside}) == 400


SCHEMAS = {"NewUser": ("username", 254), "NewTask": ("name", 200), "TaskPatch": ("name", 200)}


@pytest.mark.parametrize(("schema", "field", "most"), [(k, *v) for k, v in SCHEMAS.items()])
def test_the_description_has_the_same_limits(schema: str, field: str, most: int) -> None:
    described = document.build()["components"]["schemas"][schema]["properties"][field]
    patterns = [described["pattern"], *(one["pattern"] for one in described["allOf"])]

    def matches(text: str) -> bool:
        return all(re.search(pattern, text) for pattern in patterns)

    assert [matches(text) for text in ("", "a", "a" * most, "a" * (most + 1))] == [
        False,
        True,
        True,
        False,
    ]
