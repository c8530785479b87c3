"""No page exceeds the response limit of Lambda."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from chalice.app import Request

from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb.codec import created_key_of
from chalicelib.http import pages
from chalicelib.http.schemas import ListQuery, TaskBody, TaskListQuery, UserBody
from chalicelib.http.urls import Urls
from chalicelib.services.pagination import Page, Paging

LAMBDA = 6 * 1024 * 1024
HEADERS = {"Content-Security-Policy": "a" * 8_000}
ASSIGNEES = tuple(range(2**53 - 51, 2**53 - 1))
TEXTS = {
    "emoji": "\U0001f600",
    "control characters": "\x01",
    "quotes": '"',
    "backslashes": "\\",
    "Latin-1 letters": "\u00e9",
    "ideographs": "\u4e2d",
    "ASCII": "a",
}
REQUEST = Request(
    {
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "requestContext": {"resourcePath": "/v1/tasks", "httpMethod": "GET", "path": "/v1/tasks"},
    }
)


def task(ident: int, text: str) -> Task:
    return Task(
        id=ident,
        name=(text if text.isprintable() else "a") * 200,
        desc=text * 10_000,
        status="IN_PROGRESS",
        expires_at="2030-12-24",
        created_at="2026-01-31T12:00:00.000000Z",
        assignees=ASSIGNEES,
    )


def user(ident: int, text: str) -> User:
    return User(id=ident, username=text * 254, created_at="2026-01-31T12:00:00.000000Z")


def reader(records: Sequence[Any]) -> Callable[[Paging], Page[Any]]:
    """Return a function that reads pages of these records in ascending order."""

    def read(paging: Paging) -> Page[Any]:
        left = [
            one for one in records if paging.after is None or created_key_of(one) > paging.after
        ]
        page = left[: paging.page_size]
        places = [created_key_of(one) for one in page]
        return Page(page, places, places[-1] if len(page) < len(left) else None)

    return read


def walk(
    path: str, kind: type[ListQuery], records: Sequence[Any], form: Callable[[Any], Any]
) -> list[list[dict[str, Any]]]:
    """Follow the Link headers and assert that each page is within the Lambda limit."""
    query, found = kind(page_size=1000, order="asc"), []
    while True:
        response = pages.respond(Urls(REQUEST), path, query, reader(records), form)
        body = bytes(response.body).decode()
        reply = {"statusCode": 200, "headers": {**HEADERS, **response.headers}, "body": body + "\n"}
        # The runtime of Python 3.11 escapes non-ASCII characters: the largest responses.
        assert len(json.dumps(reply)) <= LAMBDA
        assert len(json.dumps(reply, ensure_ascii=False).encode()) <= LAMBDA
        found.append(json.loads(body))
        if "Link" not in response.headers:
            return found
        word = parse_qs(response.headers["Link"].partition("?")[2].partition(">")[0])["cursor"][0]
        query = kind(page_size=1000, cursor=word)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_page_of_the_largest_tasks_is_cut_at_the_lambda_limit(
    text: str,
) -> None:
    body = msgspec.json.encode(TaskBody.of(task(1, text))).decode()
    size = len(json.dumps(body)) - 1
    tasks = [task(ident, text) for ident in range(1, min(1000, 5 * LAMBDA // (2 * size)) + 1)]
    found = walk("tasks", TaskListQuery, tasks, TaskBody.of)
    assert len(found) >= 2
    assert [one["id"] for page in found for one in page] == [one.id for one in tasks]
    assert {one["desc"] for page in found for one in page} == {text * 10_000}
    for page in found[:-1]:  # only as short as necessary
        assert (len(page) + 1) * size > LAMBDA - 64 * 1024


def test_a_page_that_only_its_encoding_makes_too_large_is_cut() -> None:
    tasks = [task(ident, "\U0001f600") for ident in range(1, 61)]
    size = len(msgspec.json.encode([TaskBody.of(one) for one in tasks]))
    assert LAMBDA / 3 < size < LAMBDA / 2
    found = walk("tasks", TaskListQuery, tasks, TaskBody.of)
    assert [one["id"] for page in found for one in page] == list(range(1, 61))
    assert len(found) == 2


@pytest.mark.parametrize("text", ["\U0001f600", '"', "a"])
def test_a_page_of_the_longest_usernames_fits(text: str) -> None:
    users = [user(ident, text) for ident in range(1, 1001)]
    found = walk("users", ListQuery, users, UserBody.of)
    assert [one["id"] for page in found for one in page] == list(range(1, 1001))
    assert len(found) == 1
