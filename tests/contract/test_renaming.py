"""PATCH /v1/users/{id} gives a user another name."""

from typing import Any

import pytest

from billet.integrity import findings
from chalicelib.dynamodb.models import UsernameModel
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, mark_as_deleting


@pytest.fixture
def lanes() -> int:
    """Names do not depend on lanes."""
    return 1


@pytest.fixture
def ann(api: Api) -> int:
    """Create a user with a task and return their id."""
    ident: int = api("POST", "/v1/users", {"username": "Ann"}).json_body["id"]
    add_tasks(1, assignees=[ident])
    return ident


def create(api: Api, username: str) -> int:
    status: int = api("POST", "/v1/users", {"username": username}).status_code
    return status


def rename(api: Api, user: int, username: str, **headers: str) -> Any:
    return api("PATCH", f"/v1/users/{user}", {"username": username}, **headers)


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
def test_a_user_has_the_new_name_everywhere_and_keeps_the_tasks(
    api: Api, ann: int, keyed: bool
) -> None:
    before = api("GET", f"/v1/users/{ann}").json_body
    tasks = api("GET", f"/v1/users/{ann}/tasks").json_body
    headers = {"Idempotency_Key": "a"} if keyed else {}
    response = rename(api, ann, " Anna ", **headers)
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert response.json_body == before | {"username": "Anna"}
    assert not keyed or rename(api, ann, " Anna ", **headers).body == response.body
    got = api("GET", f"/v1/users/{ann}")
    assert (got.json_body, got.headers["ETag"]) == (response.json_body, '"2"')
    assert api("GET", "/v1/users").json_body == [response.json_body]
    assert api("GET", f"/v1/users/{ann}/tasks").json_body == tasks
    assert (create(api, "ANNA"), create(api, "ann")) == (409, 201)
    assert not list(findings())


def test_a_name_that_differs_only_in_case_keeps_its_reservation(api: Api, ann: int) -> None:
    assert rename(api, ann, "ANN").json_body["username"] == "ANN"
    assert create(api, "ann") == 409
    assert rename(api, ann, "bob").status_code == 200
    assert create(api, "ann") == 201
    assert not list(findings())


def test_a_taken_name_is_a_conflict_and_changes_nothing(api: Api, ann: int) -> None:
    bob = api("POST", "/v1/users", {"username": "Bob"}).json_body["id"]
    response = rename(api, ann, "bOB", Idempotency_Key="a")
    detail = "username: must be unique without regard to case; 'bOB' is taken"
    assert (response.status_code, response.json_body["detail"]) == (409, detail)
    assert api("GET", f"/v1/users/{ann}").headers["ETag"] == '"1"'
    api("DELETE", f"/v1/users/{bob}")
    assert rename(api, ann, "bOB", Idempotency_Key="a").status_code == 200
    assert not list(findings())


@pytest.mark.parametrize("form", ["{}", '{"username": "Ann"}', "the user"])
def test_a_patch_without_another_name_changes_nothing_but_evaluates_if_match(
    api: Api, ann: int, form: str
) -> None:
    before = api("GET", f"/v1/users/{ann}")
    body = before.json_body if form == "the user" else form.encode()
    path = f"/v1/users/{ann}"
    for headers in ({}, {"If_Match": '"1"'}, {"Idempotency_Key": "a"}, {"Idempotency_Key": "a"}):
        response = api("PATCH", path, body, **headers)
        assert (response.status_code, response.headers["ETag"]) == (200, '"1"')
        assert response.json_body == before.json_body
    assert response.headers["Idempotency-Replayed"] == "true"
    assert api("PATCH", path, body, If_Match='"2"').status_code == 412


def test_each_change_of_a_user_with_if_match_needs_the_current_version(api: Api, ann: int) -> None:
    path = f"/v1/users/{ann}"
    assert rename(api, ann, "bob", If_Match='"1"').headers["ETag"] == '"2"'
    for method, body in (("PATCH", {"username": "eve"}), ("DELETE", b"")):
        refused = api(method, path, body, If_Match='"1"')
        detail = f"if-match: must have the current version of user {ann}, which is 2"
        assert (refused.status_code, refused.json_body["detail"]) == (412, detail)
    assert rename(api, ann, "eve", If_Match='"2"').headers["ETag"] == '"3"'
    assert api("DELETE", path, If_Match='"3"').status_code == 200
    assert (create(api, "ann"), create(api, "bob"), create(api, "eve")) == (201, 201, 201)
    assert not list(findings())


def test_a_user_who_does_not_exist_has_no_name_to_change(api: Api, ann: int) -> None:
    assert rename(api, 77, "bob").json_body["detail"] == "user 77 does not exist"
    mark_as_deleting(ann)
    for headers in ({}, {"If_Match": '"7"'}):
        gone = rename(api, ann, "bob", **headers)
        assert (gone.status_code, gone.json_body["detail"]) == (404, f"user {ann} does not exist")
    assert api("DELETE", f"/v1/users/{ann}").status_code == 200
    assert not list(findings())


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"username": ""}, "username: must have 1 to 254 characters, at least one of which"),
        ({"username": None}, "username: must be a string of 1 to 254 characters"),
        ({"username": "a\u200bb"}, "username: must not contain invisible characters"),
        ({"username": "\ufdfa" * 250}, "username: must have at most 2048 bytes in UTF-8"),
        ({"username": "eve", "id": 77}, "id: must be the id in the path"),
        ({"name": "eve"}, "name: unknown field; allowed are username"),
    ],
)
def test_an_invalid_name_is_refused_at_the_field(
    api: Api, ann: int, body: dict[str, Any], detail: str
) -> None:
    response = api("PATCH", f"/v1/users/{ann}", body)
    assert (response.status_code, response.json_body["detail"][: len(detail)]) == (400, detail)


def test_the_reservation_of_another_user_is_left_alone(api: Api, ann: int) -> None:
    """An interrupted repair may leave such a reservation; doctor reports it."""
    bob = api("POST", "/v1/users", {"username": "Bob"}).json_body["id"]
    change = Transaction()
    change.put(UsernameModel("ann", user_id=bob), UsernameModel.name.exists())
    change.commit()
    assert rename(api, ann, "eve").status_code == 200
    assert create(api, "ann") == 409
