"""Requests that race end as if one had come after the other. moto does not take threads."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from billet.invariants import findings
from chalicelib import assignments, listing, tasks, users
from chalicelib.errors import BilletError, NotFound, UsernameTaken
from tests.conftest import Bind
from tests.filling import add_tasks, add_users

THREADS = 16
ROUNDS = 10


@pytest.fixture(params=["dynamodb-local"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[1, 4], ids="lanes{}".format, autouse=True)
def lanes(request: pytest.FixtureRequest, bind: Bind) -> int:
    number: int = request.param
    bind(number)
    return number


def race(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What the calls give, begun at the same instant, or the kinds of the errors they raise."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except BilletError as error:
            return type(error)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def listed(user_id: int) -> list[int]:
    return [task.id for task in assignments.page(user_id, listing.Paging()).records]


def assert_whole() -> None:
    assert [finding.text for finding in findings()] == []


def test_one_of_many_gets_a_username() -> None:
    ends = race([partial(users.create, "ada")] * THREADS)
    assert ends.count(UsernameTaken) == THREADS - 1
    assert len(users.page(listing.Paging()).records) == 1
    assert_whole()


def test_many_tasks_made_at_once_have_ids_of_their_own(lanes: int) -> None:
    def make() -> int:
        return tasks.create(name="plan", desc="", status="PENDING", expires_at=None).id

    made = race([make] * THREADS)
    assert len(set(made)) == THREADS
    assert lanes > 1 or sorted(made) == list(range(1, THREADS + 1))
    assert {task.id for task in tasks.page(listing.Paging()).records} == set(made)


def test_all_users_who_are_given_a_task_at_once_have_it() -> None:
    people = add_users(6)
    [task_id] = add_tasks(1)
    ends = race([partial(assignments.assign, task_id, one) for one in people])
    assert [outcome.changed for outcome in ends] == [True] * len(people)
    task = tasks.get(task_id)
    assert task
    assert task.assignees == tuple(people)
    assert [listed(one) for one in people] == [[task_id]] * len(people)
    assert_whole()


def test_a_user_deleted_while_given_a_task_is_gone_and_has_none() -> None:
    for _ in range(ROUNDS):
        [user_id] = add_users(1)
        mine, other = add_tasks(2)
        assignments.assign(mine, user_id)
        deleted, assigned = race(
            [partial(users.delete, user_id), partial(assignments.assign, other, user_id)]
        )
        assert deleted is None
        assert assigned in (True, NotFound)
        assert users.get(user_id) is None
        for task_id in (mine, other):
            task = tasks.get(task_id)
            assert task
            assert task.assignees == ()
    assert_whole()


def test_a_task_deleted_while_given_and_changed_is_gone_everywhere() -> None:
    for _ in range(ROUNDS):
        [user_id] = add_users(1)
        [task_id] = add_tasks(1)
        deleted, assigned, edited = race(
            [
                partial(tasks.delete, task_id),
                partial(assignments.assign, task_id, user_id),
                partial(tasks.edit, task_id, {"status": "DONE"}),
            ]
        )
        assert deleted is None
        assert assigned in (True, NotFound)
        assert edited is NotFound or edited.status == "DONE"
        assert tasks.get(task_id) is None
        assert listed(user_id) == []
    assert_whole()


@pytest.mark.parametrize("assigned", [False, True])
def test_changes_of_different_fields_at_once_are_all_kept(assigned: bool) -> None:
    for _ in range(ROUNDS):
        people = add_users(1) if assigned else []
        [task_id] = add_tasks(1, assignees=people)
        edits = [{"name": "mend"}, {"desc": "soon"}, {"status": "DONE"}]
        race([partial(tasks.edit, task_id, one) for one in edits])
        task = tasks.get(task_id)
        assert task
        assert (task.name, task.desc, task.status, task.version) == ("mend", "soon", "DONE", 4)
    assert_whole()


def test_one_of_many_deletes_a_user() -> None:
    [user_id] = add_users(1)
    add_tasks(40, assignees=[user_id])
    ends = race([partial(users.delete, user_id)] * 4)
    assert set(ends) <= {None, NotFound}
    assert ends.count(None) >= 1
    assert users.get(user_id) is None
    assert_whole()
