"""Concurrent requests have the result of some serial order. moto is not thread-safe."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec
import pytest

from billet.integrity import findings
from chalicelib.domain.errors import BilletError, NotFound, OperationFailed, Stale, UsernameTaken
from chalicelib.domain.task import TaskFields, TaskUpdate
from chalicelib.http.idempotency import IdempotencyKey, KeyInUse, WriteRequest
from chalicelib.http.problems import HttpProblem
from chalicelib.http.responses import ApiResponse
from chalicelib.services import assignments, batch, pagination, tasks, users
from chalicelib.services.write_context import WriteContext
from tests.conftest import Bind
from tests.support.bulk_data import add_tasks, add_users

pytestmark = pytest.mark.backend("dynamodb-local")

THREADS = 16
ROUNDS = 10


@pytest.fixture(params=[1, 4], ids="lanes{}".format, autouse=True)
def lanes(request: pytest.FixtureRequest, bind: Bind) -> int:
    number: int = request.param
    bind(number)
    return number


def race(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start the calls at the same time; return their results or the types of their errors."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait(timeout=240)
        try:
            return call()
        except (BilletError, HttpProblem) as error:
            return type(error)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def listed(user_id: int) -> list[int]:
    return [task.id for task in assignments.page(user_id, pagination.Paging()).items]


def assert_consistent() -> None:
    assert [finding.text for finding in findings()] == []


def test_one_of_many_concurrent_users_gets_the_username() -> None:
    ends = race([partial(users.create, "ada")] * THREADS)
    assert ends.count(UsernameTaken) == THREADS - 1
    assert len(users.page(pagination.Paging()).items) == 1
    assert_consistent()


def test_one_of_many_concurrent_renames_gets_the_username() -> None:
    people = add_users(THREADS)
    ends = race([partial(users.rename, one, "Ada") for one in people])
    assert ends.count(UsernameTaken) == THREADS - 1
    assert sum(user.username == "Ada" for user in users.page(pagination.Paging()).items) == 1
    assert_consistent()


def test_a_user_has_the_name_of_one_of_several_concurrent_renames() -> None:
    [user_id] = add_users(1)
    names = ["Ada", "ADA", "Eve", "Bob"]
    race([partial(users.rename, user_id, name) for name in names])
    user = users.get(user_id)
    assert user
    assert user.username in names
    assert user.version == 1 + len(names)
    assert_consistent()


def test_a_user_deleted_during_a_rename_keeps_no_reservation() -> None:
    for number in range(ROUNDS):
        [user_id] = add_users(1)
        deleted, renamed = race(
            [partial(users.delete, user_id), partial(users.rename, user_id, f"new{number}")]
        )
        assert deleted is None
        assert renamed is NotFound or renamed.username == f"new{number}"
        assert users.get(user_id) is None
        assert_consistent()


def test_the_old_name_goes_to_one_user_during_a_rename() -> None:
    for number in range(ROUNDS):
        old, new = f"old{number}", f"new{number}"
        user_id = users.create(old).id
        renamed, created = race([partial(users.rename, user_id, new), partial(users.create, old)])
        assert renamed.username == new
        assert created is UsernameTaken or created.username == old
    assert_consistent()


def test_tasks_created_concurrently_have_unique_ids(lanes: int) -> None:
    def make() -> int:
        return tasks.create(
            TaskFields(name="plan", desc="", status="PENDING", expires_at=None)
        ).task.id

    made = race([make] * THREADS)
    assert len(set(made)) == THREADS
    assert lanes > 1 or sorted(made) == list(range(1, THREADS + 1))
    assert {task.id for task in tasks.page(pagination.Paging()).items} == set(made)


def test_concurrent_assignments_of_one_task_all_succeed() -> None:
    people = add_users(6)
    [task_id] = add_tasks(1)
    ends = race([partial(assignments.assign, task_id, one) for one in people])
    assert [outcome.changed for outcome in ends] == [True] * len(people)
    task = tasks.get(task_id)
    assert task
    assert task.assignees == tuple(people)
    assert [listed(one) for one in people] == [[task_id]] * len(people)
    assert_consistent()


def test_a_user_deleted_during_an_assignment_has_no_tasks() -> None:
    for _ in range(ROUNDS):
        [user_id] = add_users(1)
        mine, other = add_tasks(2)
        assignments.assign(mine, user_id)
        deleted, assigned = race(
            [partial(users.delete, user_id), partial(assignments.assign, other, user_id)]
        )
        assert deleted is None
        assert assigned is NotFound or assigned.changed
        assert users.get(user_id) is None
        for task_id in (mine, other):
            task = tasks.get(task_id)
            assert task
            assert task.assignees == ()
    assert_consistent()


def test_a_task_deleted_during_other_writes_is_deleted_everywhere() -> None:
    for _ in range(ROUNDS):
        [user_id] = add_users(1)
        [task_id] = add_tasks(1)
        deleted, assigned, edited = race(
            [
                partial(tasks.delete, task_id),
                partial(assignments.assign, task_id, user_id),
                partial(tasks.update, task_id, TaskUpdate(status="DONE")),
            ]
        )
        assert deleted is None
        assert assigned is NotFound or assigned.changed
        assert edited is NotFound or edited.task.status == "DONE"
        assert tasks.get(task_id) is None
        assert listed(user_id) == []
    assert_consistent()


def test_concurrent_batches_of_the_same_tasks_all_succeed() -> None:
    people = add_users(4)
    task_ids = add_tasks(5)

    def assign_all(user_id: int, order: int) -> Any:
        operations = [batch.Assign(task_id=one, user_id=user_id) for one in task_ids[::order]]
        return batch.run_all([*operations, batch.Create(TaskFields(name=f"new {user_id}"))])

    ends = race([partial(assign_all, one, 1 - 2 * (one % 2)) for one in people])
    assert all(not isinstance(outcome, type) for outcome in ends), ends
    for task_id in task_ids:
        task = tasks.get(task_id)
        assert task
        assert task.assignees == tuple(people)
        assert task.version == 1 + len(people)
    assert_consistent()


def test_of_two_batches_with_one_condition_one_succeeds_wholly() -> None:
    for _ in range(ROUNDS):
        first, second = add_tasks(2)

        def change(name: str, first: int = first, second: int = second) -> Any:
            one = batch.Patch(task_id=first, values=TaskUpdate(name=name), if_match={1})
            return batch.run_all([batch.Patch(task_id=second, values=TaskUpdate(name=name)), one])

        ends = race([partial(change, name) for name in ("a", "b")])
        assert ends.count(OperationFailed) == 1
        assert len({task.name for one in (first, second) if (task := tasks.get(one))}) == 1
    assert_consistent()


@pytest.mark.parametrize("assigned", [False, True])
def test_concurrent_updates_of_different_fields_all_persist(assigned: bool) -> None:
    for _ in range(ROUNDS):
        people = add_users(1) if assigned else []
        [task_id] = add_tasks(1, assignees=people)
        updates = [TaskUpdate(name="edit"), TaskUpdate(desc="soon"), TaskUpdate(status="DONE")]
        race([partial(tasks.update, task_id, one) for one in updates])
        task = tasks.get(task_id)
        assert task
        assert (task.name, task.desc, task.status, task.version) == ("edit", "soon", "DONE", 4)
    assert_consistent()


def test_one_of_many_concurrent_deletes_of_a_user_succeeds() -> None:
    [user_id] = add_users(1)
    add_tasks(40, assignees=[user_id])
    ends = race([partial(users.delete, user_id)] * 4)
    assert set(ends) <= {None, NotFound}
    assert ends.count(None) >= 1
    assert users.get(user_id) is None
    assert_consistent()


@pytest.mark.parametrize("assigned", [False, True])
def test_one_of_many_updates_with_the_same_etag_succeeds(assigned: bool) -> None:
    people = add_users(1) if assigned else []
    [task_id] = add_tasks(1, assignees=people)
    for version in range(1, ROUNDS):
        context = WriteContext(if_match={version})
        ends = race(
            [
                partial(tasks.update, task_id, TaskUpdate(name=f"{n}"), context)
                for n in range(THREADS - 1)
            ]
            + [partial(assignments.assign, task_id, add_users(1)[0], context)]
        )
        assert ends.count(Stale) == THREADS - 1
        task = tasks.get(task_id)
        assert task
        assert task.version == version + 1
    assert_consistent()


def test_doctor_finds_nothing_while_clients_write() -> None:
    people = add_users(3)

    def write() -> None:
        for number in range(ROUNDS):
            passing = users.create(f"{threading.get_ident()} {number}").id
            [task_id] = add_tasks(1)
            for user_id in (*people, passing):
                assignments.assign(task_id, user_id)
            tasks.update(task_id, TaskUpdate(status="DONE"))
            users.delete(passing)
            if number % 2:
                tasks.delete(task_id)

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write) for _ in range(4)]
        checks = 0
        while not (checks and all(writer.done() for writer in writers)):
            checks += 1
            assert_consistent()
        for writer in writers:
            writer.result()


def once(key: str, act: Callable[[WriteContext], Any]) -> Callable[[], Any]:
    """A request with this key, which answers the JSON of what comes of it, or is refused."""
    write = WriteRequest(
        if_match=None, key=IdempotencyKey(digest=key, fingerprint="same"), status=200
    )
    return lambda: msgspec.json.encode(write.run(act, ApiResponse).body)


def test_one_of_many_requests_with_one_key_is_carried_out() -> None:
    make = partial(tasks.create, TaskFields(name="plan"))
    for round_ in range(ROUNDS):
        create = once(f"{round_}", make)
        made = set(race([create] * THREADS)) - {KeyInUse}
        assert len(made) == 1
        assert {create()} == made
    assert len(tasks.page(pagination.Paging()).items) == ROUNDS


def test_repeated_assigns_with_different_keys_assign_once_and_are_all_stored() -> None:
    [user_id] = add_users(1)
    for task_id in add_tasks(ROUNDS):
        assign = partial(assignments.assign, task_id, user_id)
        calls = [once(f"{task_id} {key}", assign) for key in range(4)]
        ends = race(calls)
        assert sorted(b"true" in end for end in ends) == [False, False, False, True]
        assert [call() for call in calls] == ends
    assert_consistent()
