"""ETags and conditional requests."""

from typing import Any

import pytest

from chalicelib.domain.task import Task
from chalicelib.dynamodb import task_writes
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users

FULL_TASK = {"name": "edited", "desc": "", "status": "DONE"}
CHANGES: list[tuple[Any, ...]] = [
    ("PUT", "", FULL_TASK),
    ("PATCH", "", {"name": "edit"}),
    ("PUT", "/assign/user/{user}"),
    ("PUT", "/unassign/user/{user}"),
    ("DELETE", ""),
]
"""Every write to a task: method, path suffix and body."""


@pytest.fixture
def lanes() -> int:
    """Conditions do not depend on lanes."""
    return 1


@pytest.fixture(params=["nobody's", "somebody's"])
def task(request: pytest.FixtureRequest, api: Api, user: int) -> int:
    """Create a task with version 2, unassigned or assigned to another user, and return its id."""
    other = add_users(1) if request.param == "somebody's" else []
    [ident] = add_tasks(1, assignees=other)
    api("PATCH", f"/v1/tasks/{ident}", {"desc": "two"})
    return ident


def test_reads_and_writes_return_the_etag(api: Api, user: int) -> None:
    made = api("POST", "/v1/tasks", {"name": "plan"})
    path = made.headers["Location"]
    seen = [made.headers["ETag"], made.headers["ETag"]]
    for method, tail, *body in (*CHANGES[:4], CHANGES[3]):
        changed = api(method, path + tail.format(user=user), *body)
        assert api("GET", path).headers["ETag"] == changed.headers["ETag"]
        seen.append(changed.headers["ETag"])
    assert seen == ['"1"', '"1"', '"2"', '"3"', '"4"', '"5"', '"5"']
    assert "ETag" not in api("DELETE", path).headers
    assert "ETag" not in api("GET", path).headers
    created = api("POST", "/v1/users", {"username": "eve"})
    assert (
        created.headers["ETag"] == api("GET", created.headers["Location"]).headers["ETag"] == '"1"'
    )


@pytest.mark.parametrize("body", [{}, {"id": 1, "etag": "x", "created_at": "2020-01-01"}])
def test_a_patch_without_fields_changes_nothing_but_evaluates_if_match(
    api: Api, task: int, body: dict[str, Any]
) -> None:
    path = f"/v1/tasks/{task}"
    before = api("GET", path)
    for headers in ({}, {"If_Match": '"2"'}, {"Idempotency_Key": "a"}, {"Idempotency_Key": "a"}):
        response = api("PATCH", path, body, **headers)
        assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
        assert response.json_body["payload"] == before.json_body
    assert response.headers["Idempotency-Replayed"] == "true"
    assert api("PATCH", path, body, If_Match='"1"').status_code == 412
    assert api("PATCH", "/v1/tasks/77", {}, If_Match='"1"').status_code == 404
    assert api("GET", path).headers["ETag"] == '"2"'


@pytest.mark.parametrize("known", ['"2"', 'W/"2"', '"a,b", W/"2" ,', "*"])
def test_if_none_match_with_the_current_etag_returns_304(api: Api, task: int, known: str) -> None:
    response = api("GET", f"/v1/tasks/{task}", If_None_Match=known)
    assert (response.status_code, response.body, response.headers["ETag"]) == (304, b"", '"2"')
    assert "Content-Type" not in response.headers
    api("PATCH", f"/v1/tasks/{task}", {"desc": "three"})
    assert known == "*" or api("GET", f"/v1/tasks/{task}", If_None_Match=known).status_code == 200
    nothing = api("GET", "/v1/tasks/77", If_None_Match=known)
    assert (nothing.status_code, nothing.body) == (200, b"null\n")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change[0]} {change[1]}")
def test_a_write_with_if_match_succeeds_only_on_that_version(
    api: Api, user: int, task: int, change: tuple[Any, ...]
) -> None:
    method, tail, *body = change
    path = f"/v1/tasks/{task}"
    before = api("GET", path).body
    for stale in ('"1"', '"3"', 'W/"2"', '"x"', '"1", "02"'):
        response = api(method, path + tail.format(user=user), *body, If_Match=stale)
        assert (response.status_code, response.json_body["title"]) == (412, "Precondition Failed")
        assert api("GET", path).body == before
        missing = api(method, "/v1/tasks/77" + tail.format(user=user), *body, If_Match=stale)
        assert missing.status_code == 404
        assert (
            "{" not in tail
            or api(method, path + tail.format(user=77), If_Match=stale).status_code == 404
        )
    first = api(method, path + tail.format(user=user), *body, If_Match='"1", "2"')
    assert first.status_code == 200
    assert first.headers.get("ETag") in (('"3"', None) if method == "DELETE" else ('"3"', '"2"'))
    again = api(method, path + tail.format(user=user), *body, If_Match="*")
    assert again.status_code == (404 if method == "DELETE" else 200)


def test_other_errors_take_precedence_over_a_failed_precondition(api: Api, user: int) -> None:
    change = Transaction()
    some = tuple(range(100, 150))
    task_writes.create_task(
        change,
        Task(id=1, name="", desc="", status="DONE", expires_at=None, created_at="", assignees=some),
    )
    change.commit()
    response = api("PUT", f"/v1/tasks/1/assign/user/{user}", If_Match='"7"')
    assert response.status_code == 409


def test_a_user_delete_with_if_match_succeeds_only_on_that_version(api: Api, user: int) -> None:
    add_tasks(1, assignees=[user])
    assert api("DELETE", f"/v1/users/{user}", If_Match='"2"').status_code == 412
    assert len(api("GET", f"/v1/users/{user}/tasks").json_body) == 1
    assert api("DELETE", "/v1/users/77", If_Match='"2"').status_code == 404
    assert api("DELETE", f"/v1/users/{user}", If_Match='"1"').status_code == 200


@pytest.mark.settings(require_if_match="on")
def test_require_if_match_rejects_writes_without_if_match(api: Api, user: int) -> None:
    [task] = add_tasks(1)
    path = f"/v1/tasks/{task}"
    for method, tail, *body in CHANGES:
        response = api(method, path + tail.format(user=user), *body)
        assert (response.status_code, response.json_body["title"]) == (428, "Precondition Required")
        assert api("GET", path).headers["ETag"] == '"1"'
    assert api("DELETE", f"/v1/users/{user}").status_code == 428
    assert api("POST", "/v1/tasks", {"name": "plan"}).status_code == 201
    assert api("DELETE", path, If_Match="*").status_code == 200
