"""Pages by cursor and by offset have the tasks of the whole list, in the same order."""

from collections.abc import Callable
from itertools import product

import pytest

from chalicelib.dynamodb.models import AssignmentModel, TaskModel
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import pagination
from tests.conftest import Api, Bind
from tests.support.bulk_data import add_tasks, add_users
from tests.support.pages import Item, concatenated, ids, pages

STATUSES = ("PENDING", "IN_PROGRESS", "DONE", "CANCELLED")
DEADLINES = (None, "2030-01-01", "9999-12-31", "9999-12-30")


@pytest.fixture
def tasks(api: Api, user: int) -> list[Item]:
    """Create tasks of the user in every status with every deadline, in order of creation."""
    made = [
        ident
        for status, deadline in product(STATUSES, DEADLINES)
        for ident in add_tasks(3, assignees=[user], status=status, expires_at=deadline)
    ]
    found = {task["id"]: task for task in api("GET", "/v1/tasks").json_body}
    return [found[ident] for ident in made]


def by_creation(tasks: list[Item]) -> list[Item]:
    return list(tasks)


def by_deadline(tasks: list[Item]) -> list[Item]:
    return sorted(tasks, key=lambda task: (task["expires_at"] or "none: last", task["id"]))


def use_keys_of_earlier_versions(tasks: list[Item], user: int) -> None:
    """Give half of the tasks due on 9999-12-31 the keys of earlier versions."""
    last_day = [task["id"] for task in tasks if task["expires_at"] == "9999-12-31"]
    found = {task.id: task for task in TaskModel.scan()}
    for ident in last_day[::2]:
        task, place = found[ident], f"9999-12-31#{ident:016d}"
        change = Transaction()
        change.update(TaskModel(ident), [TaskModel.due_key.set(place)])
        change.update(
            AssignmentModel(user, task.created_key),
            [
                AssignmentModel.due_key.set(place),
                AssignmentModel.status_due_key.set(f"{task.status}#{place}"),
            ],
        )
        change.commit()


ORDERS: list[tuple[str, Callable[[list[Item]], list[Item]], bool]] = [
    ("", by_creation, True),
    ("&sort=created_at&order=desc", by_creation, True),
    ("&order=asc", by_creation, False),
    ("&sort=expires_at", by_deadline, False),
    ("&sort=expires_at&order=desc", by_deadline, True),
]


def test_pages_of_every_order_and_filter_have_each_task_once_in_order(
    api: Api, user: int, tasks: list[Item]
) -> None:
    lists = ("/v1/tasks", f"/v1/users/{user}/tasks")
    for path, status, (query, ordered, reverse) in product(lists, (None, "DONE"), ORDERS):
        wanted = ordered([task for task in tasks if status in (None, task["status"])])
        if reverse:
            wanted.reverse()
        query_string = f"?page_size=7{query}" + (f"&status={status}" if status else "")
        found = list(pages(api, path, query_string))
        assert concatenated(found) == wanted, (path, query_string)
        assert [len(page) for page in found[:-1]] == [7] * (len(found) - 1)
        assert 1 <= len(found[-1]) <= 7


@pytest.mark.backend("fastest")  # hundreds of pages
def test_items_with_keys_of_earlier_versions_are_listed_once(
    api: Api, user: int, tasks: list[Item]
) -> None:
    use_keys_of_earlier_versions(tasks, user)
    lists = ("/v1/tasks", f"/v1/users/{user}/tasks")
    for path, order, status in product(lists, ("asc", "desc"), ("", "&status=DONE")):
        query = f"sort=expires_at&order={order}{status}"
        [whole] = pages(api, path, f"?{query}&page_size=1000")
        assert len(whole) == (12 if status else 48)
        assert concatenated(pages(api, path, f"?{query}&page_size=1")) == whole
        ranks = [task["expires_at"] or "9999-12-31" for task in whole]
        assert ranks == sorted(ranks, reverse=order == "desc")


def test_an_offset_skips_that_many_tasks(api: Api, tasks: list[Item]) -> None:
    wanted = ids(tasks)[::-1]
    for offset in (0, 1, 20, 47, 48, 10_000):
        found = api("GET", f"/v1/tasks?offset={offset}&page_size=7")
        assert ids(found.json_body) == wanted[offset : offset + 7]
        assert ("Link" in found.headers) == (offset + 7 < 48)


def test_an_offset_across_lanes_skips_that_many_tasks(
    api: Api, tasks: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "EQUAL_SHARE_OFFSET", 5)
    for offset in (6, 30, 47, 60):
        found = api("GET", f"/v1/tasks?offset={offset}&page_size=7")
        assert ids(found.json_body) == ids(tasks)[::-1][offset : offset + 7]


def test_users_are_paged_newest_first(api: Api) -> None:
    made = add_users(20)
    for query, wanted in (("", made[::-1]), ("&order=asc", made)):
        found = list(pages(api, "/v1/users", f"?page_size=6{query}"))
        assert ids(concatenated(found)) == wanted
        assert [len(page) for page in found] == [6, 6, 6, 2]


def test_a_page_as_large_as_the_list_has_no_next_link(api: Api) -> None:
    assert list(pages(api, "/v1/users", "")) == [[]]
    add_users(6)
    assert [len(page) for page in pages(api, "/v1/users", "?page_size=6")] == [6]
    assert [len(page) for page in pages(api, "/v1/users", "?page_size=3")] == [3, 3]


def test_a_cursor_stays_valid_after_its_task_is_deleted(api: Api, tasks: list[Item]) -> None:
    walk = pages(api, "/v1/tasks", "?page_size=7")
    seen = next(walk)
    api("DELETE", f"/v1/tasks/{seen[-1]['id']}")
    add_tasks(3)
    assert seen + concatenated(walk) == tasks[::-1]


@pytest.mark.parametrize("other", [1, 2, 8])
def test_a_cursor_stays_valid_when_the_number_of_lanes_changes(
    api: Api, tasks: list[Item], bind: Bind, other: int
) -> None:
    walk = pages(api, "/v1/tasks", "?page_size=7")
    seen = next(walk)
    bind(other)
    for task in tasks[::5]:
        edited = api("PATCH", f"/v1/tasks/{task['id']}", {"desc": "edited", "status": "DONE"})
        assert edited.status_code == 200
    assert ids(seen + concatenated(walk)) == ids(tasks)[::-1]


def test_ids_stay_unique_when_the_number_of_lanes_changes(api: Api, bind: Bind, lanes: int) -> None:
    allocated: list[int] = []
    for number in (lanes, 5, 2, 8, 1, 1):
        bind(number)
        allocated += add_tasks(7)
    assert len(set(allocated)) == 42
    assert allocated[-14:] == sorted(allocated[-14:])
    api("DELETE", f"/v1/tasks/{allocated[-1]}")
    assert add_tasks(1)[0] > allocated[-1]


def test_ids_start_at_1_and_are_consecutive(api: Api, lanes: int) -> None:
    made = [api("POST", "/v1/tasks", {"name": "plan"}).json_body["payload"] for _ in range(9)]
    assert lanes > 1 or ids(made) == list(range(1, 10))
    by_residue = [[i for i in ids(made) if i % lanes == residue] for residue in range(lanes)]
    for residue, ids_of_residue in enumerate(by_residue):
        first = residue or lanes
        assert ids_of_residue == [first + lanes * count for count in range(len(ids_of_residue))]


def test_pages_of_large_tasks_are_shorter_and_complete(api: Api, user: int) -> None:
    # DynamoDB ends a Query at 1 MB, at a different position in each lane.
    letters = {0: "𝄞", 2: "€"}
    made = add_tasks(140, [user], describe=lambda ident: letters.get(ident % 4, "a") * 10_000)[::-1]
    for path in ("/v1/tasks", f"/v1/users/{user}/tasks"):
        found = list(pages(api, path, "?page_size=1000"))
        assert ids(concatenated(found)) == made
        assert len(found) > 1
    assert ids(concatenated(pages(api, "/v1/tasks", "?offset=100"))) == made[100:]
