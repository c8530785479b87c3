"""The cost of each endpoint: its ordered calls to DynamoDB and its capacity units.

The calls are the same on both databases. The units are those of DynamoDB Local; moto's differ.
"""

from collections.abc import Callable
from typing import Any

import pytest
from pynamodb.connection import Connection

from billet.metering import Usage, record_usage
from chalicelib.http.routes import ENDPOINTS
from chalicelib.services import pagination
from chalicelib.settings import Settings
from tests.conftest import Api, Bind
from tests.support.bulk_data import add_tasks, add_users

GET, QUERY, UPDATE, PUT, DELETE = "GetItem", "Query", "UpdateItem", "PutItem", "DeleteItem"
TRANSACT, BATCH_GET = "TransactWriteItems", "BatchGetItem"
NEW: dict[str, Any] = {"op": "create", "task": {"name": "new"}}
BOTH = {"operations": [NEW, {"op": "patch", "id": 2, "task": {"desc": "done"}}]}
FULL_TASK = {"name": "edited", "desc": "", "status": "PENDING"}
# Each request depends on those before it: calls, read units, write units outside transactions,
# and operations in transactions.
WALK: list[tuple[tuple[Any, ...], list[str], float, float, int]] = [
    (("POST", "/v1/users", {"username": "ada"}), [UPDATE, TRANSACT], 0, 1, 2),
    (("POST", "/v1/users", {"username": "eve"}), [UPDATE, TRANSACT], 0, 1, 2),
    (("POST", "/v1/tasks", {"name": "plan"}), [UPDATE, PUT], 0, 7, 0),
    (("POST", "/v1/tasks", {"name": "edit"}), [UPDATE, PUT], 0, 7, 0),
    (("POST", "/v1/tasks", {"name": "ours", "assignees": [1]}), [UPDATE, TRANSACT], 0, 1, 3),
    (("PATCH", "/v1/tasks/3", {"assignees": []}), [GET, TRANSACT], 1, 0, 2),
    (("DELETE", "/v1/tasks/3"), [DELETE], 0, 6, 0),
    (("PUT", "/v1/tasks/1/assign/user/1"), [GET, TRANSACT], 1, 0, 3),
    (("PUT", "/v1/tasks/1/assign/user/1"), [GET, GET], 2, 0, 0),
    (("PUT", "/v1/tasks/1/unassign/user/2"), [GET, GET], 2, 0, 0),
    (("GET", "/v1/health"), [GET], 1, 0, 0),
    (("GET", "/v1/openapi.json"), [], 0, 0, 0),
    (("GET", "/"), [], 0, 0, 0),
    (("GET", "/board/1/app.js"), [], 0, 0, 0),
    (("GET", "/docs"), [], 0, 0, 0),
    (("GET", "/docs/start.js"), [], 0, 0, 0),
    (("GET", "/docs/swagger-ui.js"), [], 0, 0, 0),
    (("GET", "/docs/swagger-ui.css"), [], 0, 0, 0),
    (("GET", "/v1/tasks/1"), [GET], 1, 0, 0),
    (("GET", "/v1/tasks"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?status=PENDING"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?sort=expires_at"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?sort=expires_at&status=PENDING"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?status=PENDING,DONE"), [QUERY, QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?status=PENDING,DONE&due_after=2030-01-01"), [QUERY, QUERY], 0, 0, 0),
    (("GET", "/v1/tasks?due_after=2030-01-01&due_before=2030-01-31"), [QUERY], 0, 0, 0),
    (("GET", "/v1/tasks?unassigned=true&status=PENDING"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?unassigned=true"), [QUERY] * 4, 0.5, 0, 0),
    (("GET", "/v1/tasks?created_after=2026-01-01"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/tasks?created_before=2026-01-31&status=DONE"), [QUERY], 0, 0, 0),
    (("GET", "/v1/users"), [QUERY], 0.5, 0, 0),
    (("GET", "/v1/users?username=Ada"), [GET, GET], 2, 0, 0),
    (("GET", "/v1/users?username=zoe"), [GET], 1, 0, 0),
    (("GET", "/v1/users/1"), [GET], 1, 0, 0),
    (("GET", "/v1/users/1/tasks"), [GET, QUERY], 2, 0, 0),
    (("GET", "/v1/users/1/tasks?sort=expires_at"), [GET, QUERY], 2, 0, 0),
    (("GET", "/v1/users/1/tasks?status=PENDING"), [GET, QUERY], 2, 0, 0),
    (("GET", "/v1/users/1/tasks?sort=expires_at&status=PENDING"), [GET, QUERY], 2, 0, 0),
    (("GET", "/v1/users/1/tasks?status=PENDING,DONE"), [GET, QUERY, QUERY], 2, 0, 0),
    (("GET", "/v1/users/1/tasks?due_before=2030-01-01"), [GET, QUERY], 1, 0, 0),
    (("GET", "/v1/users/1/tasks?created_after=2026-01-01&status=DONE"), [GET, QUERY], 1, 0, 0),
    (("GET", "/v1/users/2/tasks"), [GET, QUERY], 1, 0, 0),
    (("GET", "/v1/users/1/tasks.ics"), [GET, QUERY, QUERY], 1, 0, 0),
    (("POST", "/v1/users/1/feed"), [UPDATE], 0, 1, 0),
    (("DELETE", "/v1/users/1/feed"), [UPDATE], 0, 1, 0),
    (("PUT", "/v1/tasks/1", FULL_TASK), [UPDATE, TRANSACT], 0, 0, 2),
    (("PUT", "/v1/tasks/2", FULL_TASK), [UPDATE], 0, 6, 0),
    (("PATCH", "/v1/tasks/1", {"name": "edit"}), [UPDATE, TRANSACT], 0, 0, 2),
    (("PATCH", "/v1/tasks/2", {"status": "DONE"}), [UPDATE], 0, 9, 0),
    (("PATCH", "/v1/tasks/2", {}), [GET], 1, 0, 0),
    (("PUT", "/v1/tasks/1/unassign/user/1"), [GET, TRANSACT], 1, 0, 3),
    (("DELETE", "/v1/tasks/1"), [DELETE], 0, 6, 0),
    (("PUT", "/v1/tasks/2/assign/user/1"), [GET, TRANSACT], 1, 0, 3),
    # A new task, and one that has an assignee: one counter, one read, one transaction.
    (("POST", "/v1/tasks/batch", BOTH), [BATCH_GET, UPDATE, TRANSACT], 1, 1, 3),
    (("POST", "/v1/tasks/batch", {"operations": [NEW] * 9}), [UPDATE, TRANSACT], 0, 1, 9),
    (("PATCH", "/v1/users/1", {"username": "ann"}), [GET, TRANSACT], 1, 0, 3),
    (("PATCH", "/v1/users/1", {"username": "Ann"}), [GET, UPDATE], 1, 2, 0),
    (("PATCH", "/v1/users/1", {"username": "Ann"}), [GET], 1, 0, 0),
    (("DELETE", "/v1/users/1"), [GET, QUERY, TRANSACT], 2, 0, 4),
    (("DELETE", "/v1/users/2"), [GET, TRANSACT], 1, 0, 2),
    (("POST", "/v1/users", {"username": "ada"}), [UPDATE, TRANSACT], 0, 1, 2),
    (("PUT", "/v1/tasks/2/assign/user/3"), [GET, TRANSACT], 1, 0, 3),
    (("DELETE", "/v1/tasks/2"), [DELETE, TRANSACT], 0, 0, 2),
]

# The same with an idempotency key: a write to reserve it and one more operation per transaction.
KEYED_WALK: list[tuple[tuple[Any, ...], list[str], int]] = [
    (("POST", "/v1/users", {"username": "ada"}), [PUT, UPDATE, TRANSACT], 3),
    (("POST", "/v1/tasks", {"name": "plan"}), [PUT, UPDATE, TRANSACT], 2),
    (("PUT", "/v1/tasks/1", FULL_TASK), [PUT, GET, TRANSACT], 2),
    (("PUT", "/v1/tasks/1/assign/user/1"), [PUT, GET, TRANSACT], 4),
    (("PUT", "/v1/tasks/1/assign/user/1"), [PUT, GET, GET, UPDATE], 0),
    (("PATCH", "/v1/tasks/1", {"name": "edit"}), [PUT, GET, TRANSACT], 3),
    (("PATCH", "/v1/tasks/1", {}), [PUT, GET, UPDATE], 0),
    (("PUT", "/v1/tasks/1/unassign/user/1"), [PUT, GET, TRANSACT], 4),
    (("DELETE", "/v1/tasks/1"), [PUT, TRANSACT], 2),
    (("POST", "/v1/users/1/feed"), [PUT, TRANSACT], 2),
    (("DELETE", "/v1/users/1/feed"), [PUT, TRANSACT], 2),
    (("POST", "/v1/tasks", {"name": "plan"}), [PUT, UPDATE, TRANSACT], 2),
    (("PUT", "/v1/tasks/2/assign/user/1"), [PUT, GET, TRANSACT], 4),
    (("DELETE", "/v1/tasks/2"), [PUT, TRANSACT, TRANSACT], 5),
    (("POST", "/v1/tasks/batch", {"operations": [NEW, NEW]}), [PUT, UPDATE, TRANSACT], 3),
    (
        ("POST", "/v1/tasks/batch?mode=each", {"operations": [NEW]}),
        [PUT, PUT, UPDATE, TRANSACT, UPDATE],
        2,
    ),
    (("PATCH", "/v1/users/1", {"username": "ann"}), [PUT, GET, TRANSACT], 4),
    (("DELETE", "/v1/users/1"), [PUT, GET, QUERY, TRANSACT], 3),
]
# The cost of a key with a stored response, and of If-Match.
CONDITIONAL_WALK: list[tuple[tuple[Any, ...], dict[str, str], list[str]]] = [
    (("POST", "/v1/tasks", {"name": "plan"}), {"Idempotency_Key": "a"}, [PUT, UPDATE, TRANSACT]),
    (("POST", "/v1/tasks", {"name": "plan"}), {"Idempotency_Key": "a"}, [PUT]),
    (("PUT", "/v1/tasks/3", FULL_TASK), {"If_Match": '"1"'}, [UPDATE]),
    (("DELETE", "/v1/tasks/3"), {"If_Match": '"2"'}, [DELETE]),
]


@pytest.fixture
def cost(
    api: Api,
    endpoint: str,
    connections: dict[str, Connection],
) -> Callable[..., Usage]:
    """Return a function that measures a request, without the periodic read of `shared`."""
    connection = connections[endpoint]

    def measure(*request: Any, **headers: str) -> Usage:
        with record_usage(connection) as bill:
            response = api(*request, **headers)
        assert response.status_code < 400, response.body
        if set(bill.calls) == {GET, QUERY}:
            bill.calls.sort()  # they are sent concurrently
        return bill

    return measure


@pytest.mark.usefixtures("database")
def test_each_request_has_the_expected_calls_and_units(
    backend: str, cost: Callable[..., Usage]
) -> None:
    bills = [cost(*step[0]) for step in WALK]
    assert [bill.calls for bill in bills] == [step[1] for step in WALK]
    assert [bill.transacted for bill in bills] == [step[4] for step in WALK]
    if backend == "dynamodb-local":
        units = [(bill.read_units, bill.write_units) for bill in bills]
        assert units == [(step[2], step[3]) for step in WALK]


@pytest.mark.usefixtures("database")
def test_a_key_adds_two_operations_and_a_condition_adds_none(
    cost: Callable[..., Usage],
) -> None:
    for position, (request, calls, transacted) in enumerate(KEYED_WALK):
        bill = cost(*request, Idempotency_Key=f"key-{position}")
        assert (request, bill.calls, bill.transacted) == (request, calls, transacted)
    for request, headers, calls in CONDITIONAL_WALK:
        assert (request, cost(*request, **headers).calls) == (request, calls)


def test_the_walks_cover_every_endpoint() -> None:
    walked = {(step[0][0], shape(step[0][1])) for step in WALK}
    routes = {(one.method, shape(one.path)) for one in ENDPOINTS}
    assert walked == routes
    assert {(step[0][0], shape(step[0][1])) for step in KEYED_WALK} == {
        route for route in routes if route[0] != "GET"
    }


def shape(path: str) -> tuple[str, ...]:
    """Return the path without its query, ids, a file of the board, and their names."""
    parts = path.partition("?")[0].replace("app.js", "{file}").split("/")
    return tuple("" if part.isdigit() or part.startswith("{") else part for part in parts)


OFFSETS = {0: 1, 100: 1, 200: 2}
"""The calls for a page of 9 tasks at each offset; 1 MB holds 130 of the tasks."""
PAGES = (
    "/v1/tasks?page_size=10",
    "/v1/tasks?page_size=10&sort=expires_at",
    "/v1/tasks?page_size=10&status=PENDING",
    "/v1/tasks?page_size=10&offset=5",
    "/v1/tasks?page_size=10&due_after=2030-01-01",
    "/v1/tasks?page_size=10&created_after=2026-01-01&status=PENDING",
    "/v1/users?page_size=10",
    "/v1/users/1/tasks?page_size=10",
    "/v1/users/1/tasks?page_size=10&status=PENDING",
    "/v1/users/1/tasks?page_size=10&due_before=2030-01-31",
    "/v1/tasks?page_size=10&status=PENDING,DONE&due_before=2030-01-31",
    "/v1/tasks?page_size=10&unassigned=true&status=PENDING",
    "/v1/tasks?page_size=10&unassigned=true&due_after=2030-01-01",
)


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.backend("dynamodb-local")
def test_the_cost_of_a_page_does_not_depend_on_the_table_size(
    lanes: int, bind: Bind, cost: Callable[..., Usage]
) -> None:
    bind(lanes)
    bills = []
    for _ in range(2):
        grow()
        bills.append([cost("GET", path) for path in PAGES])
    assert bills[0] == bills[1]
    assert [len(bill.calls) for bill in bills[0]] == [
        *[lanes] * 7,
        2,
        2,
        2,
        2 * lanes,
        lanes,
        4 * lanes,
    ]


@pytest.mark.backend("dynamodb-local")
def test_an_offset_reads_the_skipped_tasks_in_1_mb_queries(
    database: Settings, cost: Callable[..., Usage]
) -> None:
    add_tasks(220, describe=lambda ident: "a" * 7_700)
    bills = {offset: cost("GET", f"/v1/tasks?page_size=9&offset={offset}") for offset in OFFSETS}
    assert {offset: len(bill.calls) for offset, bill in bills.items()} == OFFSETS
    each = bills[100].read_units / 110
    for offset, bill in bills.items():
        assert bill.read_units == pytest.approx((offset + 10) * each, abs=1)


@pytest.mark.backend("dynamodb-local")
def test_a_delete_of_a_user_that_fits_into_one_transaction_is_one(
    database: Settings, cost: Callable[..., Usage]
) -> None:
    [user] = add_users(1)
    add_tasks(48, assignees=[user])  # 96 operations, and 4 of the user
    assert cost("DELETE", f"/v1/users/{user}").calls == [GET, QUERY, TRANSACT]


@pytest.mark.backend("dynamodb-local")
def test_lanes_outside_the_page_are_read_in_parts(
    bind: Bind, cost: Callable[..., Usage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "EQUAL_SHARE_OFFSET", 40)
    bind(lanes=4)
    add_tasks(180, describe=lambda ident: "a" * 3_700)
    near, far = (cost("GET", f"/v1/tasks?page_size=1&offset={offset}") for offset in (40, 44))
    assert (len(near.calls), len(far.calls)) == (4, 8)
    assert far.read_units < near.read_units


def grow() -> None:
    """Add 70 users, 70 tasks of the first user and 70 of nobody: more than a page in each lane."""
    add_users(70)
    add_tasks(70, expires_at="2030-01-01")
    add_tasks(70, assignees=[1], expires_at="2030-01-01")
