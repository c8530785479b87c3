"""/v1/users"""

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from chalicelib.dynamodb import queries, user_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api, today
from tests.support.bulk_data import add_tasks, add_users


def test_a_created_user_is_in_the_response_at_its_location_and_listed(api: Api) -> None:
    begun = today()
    created = api("POST", "/v1/users", {"username": "john.doe@gmail.com"})
    user = created.json_body
    assert created.status_code == 201
    assert user.keys() == {"id", "username", "created_at"}
    assert user["username"] == "john.doe@gmail.com"
    assert user["created_at"] in {begun, today()}
    assert created.headers["Location"] == f"/v1/users/{user['id']}"
    assert api("GET", f"/v1/users/{user['id']}").json_body == user
    assert api("GET", "/v1/users").json_body == [user]


@pytest.mark.parametrize("asked", ["strasse", "STRASSE", "Straße", "  straße  "])
def test_a_user_is_found_by_any_form_of_the_username(api: Api, asked: str) -> None:
    add_users(2)
    user = api("POST", "/v1/users", {"username": "Straße"}).json_body
    found = api("GET", f"/v1/users?username={quote(asked)}")
    assert (found.status_code, found.json_body) == (200, [user])
    assert "Link" not in found.headers
    again = api("GET", f"/v1/users?username={quote(asked)}", If_None_Match=found.headers["ETag"])
    assert again.status_code == 304


@pytest.mark.backend("fastest")
def test_nobody_is_found_by_a_free_username(api: Api) -> None:
    [ident, _] = add_users(2)
    assert len(api("GET", f"/v1/users?username=user{ident}").json_body) == 1
    api("DELETE", f"/v1/users/{ident}")
    too_long = quote("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 254)
    for name in (f"user{ident}", "user", f"user{ident}%25", too_long):
        assert api("GET", f"/v1/users?username={name}").json_body == []


@pytest.mark.backend("fastest")
def test_a_renamed_user_is_found_by_the_new_username_only(api: Api) -> None:
    [ident, _] = add_users(2)
    renamed = api("PATCH", f"/v1/users/{ident}", {"username": "Zoe"})
    assert renamed.status_code == 200, renamed.body
    assert [one["id"] for one in api("GET", "/v1/users?username=zoe").json_body] == [ident]
    assert api("GET", f"/v1/users?username=user{ident}").json_body == []


def test_get_of_a_missing_user_returns_null(api: Api) -> None:
    response = api("GET", "/v1/users/7")
    assert (response.status_code, response.body) == (200, b"null\n")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ada", "ada"),
        ("Ada", "  aDA "),
        ("straße", "STRASSE"),
        ("ﬁn", "FIN"),  # a ligature
        ("é", "E\u0301"),  # one code point, and a letter with a combining accent
    ],
)
def test_a_name_that_differs_only_in_case_or_normalization_is_taken(
    api: Api, first: str, second: str
) -> None:
    assert api("POST", "/v1/users", {"username": first}).status_code == 201
    refused = api("POST", "/v1/users", {"username": second})
    assert refused.status_code == 409
    assert refused.json_body["detail"] == (
        f"username: must be unique without regard to case; {second.strip()!r} is taken"
    )
    assert len(api("GET", "/v1/users").json_body) == 1


def test_a_deleted_users_name_is_available_again(api: Api, user: int) -> None:
    deleted = api("DELETE", f"/v1/users/{user}")
    assert deleted.json_body == {"success": True, "detail": f"user {user} deleted"}
    assert api("GET", f"/v1/users/{user}").json_body is None
    assert api("GET", "/v1/users").json_body == []
    again = api("POST", "/v1/users", {"username": "ADA"})
    assert again.status_code == 201
    assert again.json_body["id"] != user


def test_a_missing_user_cannot_be_deleted_or_list_tasks(api: Api, user: int) -> None:
    api("DELETE", f"/v1/users/{user}")
    for method, path in (("DELETE", f"/v1/users/{user}"), ("GET", f"/v1/users/{user}/tasks")):
        response = api(method, path)
        assert response.status_code == 404
        assert response.json_body["detail"] == f"user {user} does not exist"


def without_version(task: dict[str, Any]) -> dict[str, Any]:
    return {name: task[name] for name in task.keys() - {"updated_at", "etag"}}


@pytest.mark.parametrize("count", [0, 1, 30, 50])
def test_a_deleted_user_is_removed_from_each_task(api: Api, user: int, count: int) -> None:
    [other] = add_users(1)
    add_tasks(count, assignees=sorted((user, other)))
    tasks = api("GET", "/v1/tasks?page_size=1000").json_body
    assert api("DELETE", f"/v1/users/{user}").status_code == 200
    left = api("GET", "/v1/tasks?page_size=1000").json_body
    assert [without_version(task) for task in left] == [
        without_version(task) | {"assignees": [other]} for task in tasks
    ]
    assert len(left) == count
    assert api("GET", f"/v1/users/{other}/tasks?page_size=1000").json_body == left
    assert api("GET", f"/v1/users/{user}/tasks").status_code == 404
    for task in left[:1]:  # the delete is one change of each task
        assert api("GET", f"/v1/tasks/{task['id']}").headers["ETag"] == '"2"'


@pytest.mark.backend("moto")
def test_a_users_own_reservation_is_not_another_users(api: Api, user: int) -> None:
    mine = queries.user(user)
    assert mine is not None
    change = Transaction()
    user_writes.require_user(change, user)
    position = user_writes.require_foreign_reservation(change, mine)
    with pytest.raises(ConditionFailed) as failed:
        change.commit()
    assert list(failed.value.found) == [position]
    change = Transaction()
    user_writes.require_user(change, user)
    user_writes.require_foreign_reservation(change, msgspec.structs.replace(mine, id=user + 1))
    assert change.commit()


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/users"), ("PATCH", "/v1/users/1")])
def test_a_name_that_is_too_long_in_its_normalized_form_is_refused(
    api: Api, method: str, path: str
) -> None:
    add_users(1)
    long = "\ufdfa" * 62  # each is 33 bytes in its compatibility form
    refused = api(method, path, {"username": long + "a" * 3})
    assert refused.status_code == 400
    assert refused.json_body["detail"] == (
        "username: must have at most 2048 bytes in UTF-8 after normalization"
    )
    assert api(method, path, {"username": long + "a" * 2}).status_code in (200, 201)
