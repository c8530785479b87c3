"""The feed of a user: what it has, and who may read it."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import icalendar
import pytest
from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from billet.metering import record_usage
from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import shared_state, user_writes
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.http.json_log import JsonFormatter
from chalicelib.http.request_log import Line
from chalicelib.services import feeds, tokens, users
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import FAULTS, inject_fault
from tests.support.table_contents import of_database

pytestmark = pytest.mark.backend("moto")

FEED = "/v1/users/1/tasks.ics"
REFUSED = "token: must be that of the feed of user 1; POST /v1/users/1/feed creates one"


@pytest.fixture
def people(database: Settings) -> list[int]:
    """Create two users."""
    return add_users(2)


@pytest.fixture
def read(server: str, people: list[int]) -> Iterator[Callable[..., httpx.Response]]:
    """Return a function that reads the feed of the first user from a server."""
    with httpx.Client(base_url=f"http://{server}") as client:

        def get(token: str | None = None, path: str = FEED, **headers: str) -> httpx.Response:
            query = {} if token is None else {"token": token}
            return client.get(path, params=query, headers=headers)

        yield get


def summaries(content: bytes) -> list[str]:
    calendar = icalendar.Calendar.from_ical(content)
    return [str(one["SUMMARY"]) for one in calendar.subcomponents]


def token_of(created: HTTPResponse) -> str:
    assert created.status_code == 201, created.body
    url = created.json_body["url"]
    path, _, token = url.partition("?token=")
    assert path.endswith(FEED)
    assert token.startswith(feeds.PREFIX)
    return str(token)


@pytest.mark.usefixtures("people")
def test_a_feed_has_the_open_tasks_with_a_due_date_by_due_date(api: Api) -> None:
    days = {"b": "2030-01-02", "a": "2030-01-01", "overdue": "2020-01-01", "none": None}
    for name, day in days.items():
        add_tasks(1, [1], name=name, expires_at=day)
    add_tasks(1, [1], name="begun", expires_at="2030-01-01", status="IN_PROGRESS")
    for status in ("DONE", "CANCELLED"):
        add_tasks(1, [1], name=status, expires_at="2030-01-01", status=status)
    add_tasks(1, [2], name="of another user", expires_at="2030-01-01")
    add_tasks(1, name="of nobody", expires_at="2030-01-01")
    response = api("GET", FEED)
    assert summaries(response.body) == ["overdue", "a", "begun", "b"]
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert api("GET", f"{FEED}?component=VTODO").body.count(b"BEGIN:VTODO") == 4
    wrong = api("GET", f"{FEED}?component=VJOURNAL")
    assert wrong.json_body["detail"] == "component: must be one of VEVENT, VTODO"


@pytest.mark.backend("fastest")
@pytest.mark.usefixtures("people")
def test_a_feed_has_all_tasks_if_each_status_has_more_than_a_query_returns(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status, day in (("PENDING", "2030-01-01"), ("IN_PROGRESS", "2030-01-02")):
        large: Any = {"name": status, "status": status, "expires_at": day}
        add_tasks(12, [1], describe=lambda _: "a" * 100_000, **large)  # a Query ends at 1 MB
    add_tasks(1, [1], name="last", expires_at="2030-01-03")
    names = ["PENDING"] * 12 + ["IN_PROGRESS"] * 12 + ["last"]
    assert summaries(api("GET", FEED).body) == names
    monkeypatch.setattr(feeds, "MAX_TASKS", 20)
    assert [task.name for task in feeds.open_tasks(1)] == names[:20]
    monkeypatch.setattr(feeds, "MAX_BYTES", 500_000)
    assert len(feeds.open_tasks(1)) < 12


@pytest.mark.usefixtures("people")
def test_an_unchanged_feed_is_a_304_and_no_shared_cache_stores_it(api: Api) -> None:
    add_tasks(1, [1], expires_at="2030-01-01")
    first = api("GET", FEED)
    again = api("GET", FEED, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.body) == (304, b"")
    for response in (first, again):
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["Referrer-Policy"] == "no-referrer"
    api("PATCH", "/v1/tasks/1", {"name": "other"})
    assert api("GET", FEED, If_None_Match=first.headers["ETag"]).status_code == 200


@pytest.mark.usefixtures("people")
def test_without_auth_a_feed_needs_no_token_but_a_wrong_one_is_refused(api: Api) -> None:
    assert api("GET", FEED).status_code == 200
    token = token_of(api("POST", "/v1/users/1/feed"))
    assert api("GET", f"{FEED}?token={token}").status_code == 200
    for wrong in ("", "blf_wrong", token + "x"):
        refused = api("GET", f"{FEED}?token={wrong}")
        assert (refused.status_code, refused.json_body["detail"]) == (404, REFUSED)
    missing = api("GET", "/v1/users/9/tasks.ics")
    assert (missing.status_code, missing.json_body["detail"]) == (404, "user 9 does not exist")


@pytest.mark.settings(auth="on")
def test_only_the_token_of_the_feed_opens_it(
    read: Callable[..., httpx.Response], server: str
) -> None:
    admin, _ = tokens.issue("ci", "admin", None)
    token, other = feeds.create(1), feeds.create(2)
    for wrong in (None, "", "blf_wrong", admin, other, feeds.PREFIX):
        for headers in ({}, {"Authorization": f"Bearer {admin}"}):
            refused = read(wrong, **headers)
            assert (refused.status_code, refused.json()["detail"]) == (404, REFUSED)
    assert read(token).status_code == 200
    # Nothing tells whether a user exists.
    assert read(token, "/v1/users/9/tasks.ics").json()["detail"] == REFUSED.replace(
        "user 1", "user 9"
    ).replace("s/1/", "s/9/")
    for path in ("/v1/users/1/tasks", "/v1/tasks", "/v1/users/1"):
        assert read(token, path).status_code == 401
        assert read(None, path, Authorization=f"Bearer {token}").status_code == 401
    assert httpx.get(f"http://{server}{FEED}?token=x&token={token}").status_code == 400


@pytest.mark.settings(auth="on")
def test_a_feed_ends_if_it_is_replaced_or_revoked_or_the_user_is_deleted(
    read: Callable[..., httpx.Response],
) -> None:
    old = feeds.create(1)
    new = feeds.create(1)
    assert (read(old).status_code, read(new).status_code) == (404, 200)
    feeds.revoke(1)
    assert read(new).status_code == 404
    kept = feeds.create(1)
    marking = Transaction()
    user = users.get(1)
    assert user
    user_writes.mark_as_deleting(marking, user)
    marking.commit()
    shared_state.forget()
    assert read(kept).status_code == 404  # while the user is being deleted
    users.delete(1)
    assert read(kept).status_code == 404


@pytest.mark.usefixtures("people")
def test_a_feed_stays_if_its_user_is_renamed_and_has_the_new_name(api: Api) -> None:
    token = token_of(api("POST", "/v1/users/1/feed"))
    assert api("PATCH", "/v1/users/1", {"username": "anna"}).status_code == 200
    calendar = icalendar.Calendar.from_ical(api("GET", f"{FEED}?token={token}").body)
    assert calendar["NAME"] == "Tasks of anna"


@pytest.mark.usefixtures("people")
def test_feeds_of_missing_users_are_a_404(api: Api) -> None:
    for method in ("POST", "DELETE"):
        missing = api(method, "/v1/users/9/feed")
        assert (missing.status_code, missing.json_body["detail"]) == (404, "user 9 does not exist")


@pytest.mark.usefixtures("people")
@pytest.mark.settings(require_if_match="on")
def test_a_feed_has_no_version_so_it_takes_and_needs_no_if_match(api: Api) -> None:
    for etag in ("*", api("GET", "/v1/users/1").headers["ETag"]):
        refused = api("DELETE", "/v1/users/1/feed", If_Match=etag)
        assert (refused.status_code, refused.json_body["detail"]) == (
            400,
            "if-match: must not be sent with a feed, which has no version",
        )
    token_of(api("POST", "/v1/users/1/feed"))
    for _ in range(2):  # also if there is no feed
        revoked = api("DELETE", "/v1/users/1/feed")
        assert revoked.json_body == {"success": True, "detail": "feed of user 1 revoked"}


@pytest.mark.usefixtures("people")
def test_a_token_is_stored_nowhere_and_a_repeated_request_creates_another(api: Api) -> None:
    first, second = (
        token_of(api("POST", "/v1/users/1/feed", Idempotency_Key="again")) for _ in range(2)
    )
    assert first != second
    assert api("GET", f"{FEED}?token={first}").status_code == 404
    assert api("GET", f"{FEED}?token={second}").status_code == 200
    assert api("POST", "/v1/users/2/feed", Idempotency_Key="again").status_code == 422
    stored = repr(of_database())
    assert feeds.PREFIX not in stored
    assert "feed_digest" in stored


def test_a_user_pool_changes_nothing_for_feeds(people: list[int], context: Any) -> None:
    arn = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"
    app = BilletApp(Settings(stage="prod", cognito_user_pool_arn=arn), in_lambda=True)
    assert app.routes[FEED.replace("1/t", "{user_id}/t")]["GET"].authorizer is None
    statuses = []
    for query in ({}, {"token": ["blf_wrong"]}, {"token": [feeds.create(1)]}):
        event = {
            "requestContext": {
                "httpMethod": "GET",
                "resourcePath": "/v1/users/{user_id}/tasks.ics",
                "path": f"/prod{FEED}",
                "stage": "prod",
                "identity": {"sourceIp": "10.0.0.1"},
            },
            "headers": {},
            "pathParameters": {"user_id": "1"},
            "multiValueQueryStringParameters": query,
            "stageVariables": None,
            "body": None,
        }
        statuses.append(app(event, context)["statusCode"])
    assert statuses == [404, 404, 200]


@pytest.fixture
def context() -> Any:
    from chalice.local import LambdaContext

    return LambdaContext("billet", 128, 60_000)


@pytest.mark.settings(auth="on")
def test_a_feed_costs_one_read_of_the_user_and_one_query_for_each_status(
    read: Callable[..., httpx.Response], endpoint: str, connections: dict[str, Connection]
) -> None:
    token = feeds.create(1)
    read(token)
    with record_usage(connections[endpoint]) as bill:
        read(token)
        assert bill.calls == ["GetItem", "Query", "Query"]
        read("blf_wrong")
        read(token, "/v1/users/9/tasks.ics")
        assert bill.calls[3:] == ["GetItem", "GetItem"]


@pytest.mark.usefixtures("same_window")
@pytest.mark.settings(auth="on", rate_quota=3, rate_shared="off")
def test_a_subscriber_has_a_quota_apart_from_that_of_the_address(
    read: Callable[..., httpx.Response],
) -> None:
    token, other = feeds.create(1), feeds.create(2)
    assert [read("blf_wrong").status_code for _ in range(4)] == [404, 404, 404, 429]
    assert [read(token).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert read(other, "/v1/users/2/tasks.ics").status_code == 200


@pytest.mark.settings(auth="on")
def test_a_token_is_in_no_log_and_in_no_error(
    read: Callable[..., httpx.Response],
    server: str,
    endpoint: str,
    connections: dict[str, Connection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "chalicelib")
    editor, _ = tokens.issue("ed", "editor", None)
    url = f"http://{server}/v1/users/1/feed"
    created = httpx.post(url, headers={"Authorization": f"Bearer {editor}", "Idempotency-Key": "a"})
    token = created.json()["url"].rpartition("=")[2]
    replies = [read(token), read(token + "x"), read(token, FEED.replace("1/t", "0/t"))]
    for fault in FAULTS:
        with inject_fault(connections[endpoint], fault.handler, lasting=True):
            replies.append(read(token))
    assert {200, 404, 400, 503} <= {reply.status_code for reply in replies}
    assert not any(token in reply.text + str(reply.headers) for reply in replies)
    lines = [one.msg for one in caplog.records if isinstance(one.msg, Line)]
    assert {"ed", "feed:1", "unauthenticated"} <= {one.principal for one in lines}
    ours = [one for one in caplog.records if one.name.split(".")[0] not in ("httpx", "httpcore")]
    logged = "\n".join(map(JsonFormatter().format, ours)) + json.dumps(
        [one.getMessage() for one in ours]
    )
    assert token not in logged
    assert editor not in logged
