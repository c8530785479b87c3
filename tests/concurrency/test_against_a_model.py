"""Random sequences of operations: the API agrees with a simple model in memory."""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as assert_every_step_holds

from billet.integrity import findings
from chalicelib.domain.errors import BilletError, NotFound, UsernameTaken
from chalicelib.domain.task import Task, TaskFields, TaskUpdate
from chalicelib.dynamodb import index_keys
from chalicelib.services import assignments, pagination, tasks, users
from tests.conftest import Bind

STATUSES = st.sampled_from(["PENDING", "DONE"])
DEADLINES = st.none() | st.sampled_from(["2030-01-01", "2031-01-01"])
NAMES = st.sampled_from(["ada", "Ada", "eve", "bob"])
UPDATES = st.builds(
    TaskUpdate,
    name=st.just("edited") | st.just(msgspec.UNSET),
    status=STATUSES | st.just(msgspec.UNSET),
    expires_at=DEADLINES | st.just(msgspec.UNSET),
)
PAGINGS = st.builds(
    pagination.Paging,
    page_size=st.integers(1, 5),
    sort=st.sampled_from(["created_at", "expires_at"]),
    order=st.sampled_from(["asc", "desc"]),
    statuses=st.sampled_from([(), ("PENDING",), ("DONE",), ("PENDING", "DONE")]),
)


def outcome(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Return the result of a call, or the type of the error that it raises."""
    try:
        return call(*arguments, **named)
    except BilletError as error:
        return type(error)


class Machine(RuleBasedStateMachine):
    """Apply the same operations to the API and to two dicts. Ids of deleted items stay in use."""

    user_ids = Bundle("users")
    task_ids = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, str] = {}
        self.tasks: dict[int, Task] = {}

    @rule(target=user_ids, name=NAMES)
    def create_user(self, name: str) -> Any:
        made = outcome(users.create, name)
        if name.casefold() in map(str.casefold, self.users.values()):
            assert made is UsernameTaken
            return multiple()
        assert made.id not in self.users
        self.users[made.id] = name
        return made.id

    @rule(target=task_ids, status=STATUSES, expires_at=DEADLINES)
    def create_task(self, status: Any, expires_at: str | None) -> int:
        fields = TaskFields(name="plan", desc="", status=status, expires_at=expires_at)
        task = tasks.create(fields).task
        assert task.id not in self.tasks
        self.tasks[task.id] = task
        return task.id

    @rule(task_id=task_ids, update=UPDATES)
    def update_task(self, task_id: int, update: TaskUpdate) -> None:
        updated = outcome(tasks.update, task_id, update)
        if task_id not in self.tasks:
            assert updated is NotFound
            return
        self.change(task_id, **update.values())
        assert plain(updated.task) == plain(self.tasks[task_id])

    @rule(task_id=task_ids)
    def delete_task(self, task_id: int) -> None:
        wanted = None if task_id in self.tasks else NotFound
        assert outcome(tasks.delete, task_id) is wanted
        self.tasks.pop(task_id, None)

    @rule(task_id=task_ids, user_id=user_ids, call=st.sampled_from(["assign", "unassign"]))
    def assign_or_unassign(self, task_id: int, user_id: int, call: str) -> None:
        ended = outcome(getattr(assignments, call), task_id, user_id)
        if task_id not in self.tasks or user_id not in self.users:
            assert ended is NotFound
            return
        before = set(self.tasks[task_id].assignees)
        after = before | {user_id} if call == "assign" else before - {user_id}
        assert ended.changed is (before != after)
        self.change(task_id, assignees=tuple(sorted(after)))

    @rule(user_id=user_ids)
    def delete_user(self, user_id: int) -> None:
        wanted = None if user_id in self.users else NotFound
        assert outcome(users.delete, user_id) is wanted
        self.users.pop(user_id, None)
        for task_id, task in self.tasks.items():
            self.change(task_id, assignees=tuple(set(task.assignees) - {user_id}))

    @rule(user_id=user_ids)
    def get_user(self, user_id: int) -> None:
        user = users.get(user_id)
        assert (user and user.username) == self.users.get(user_id)

    @rule(paging=PAGINGS)
    def list_tasks(self, paging: pagination.Paging) -> None:
        assert walked(tasks.page, paging) == self.listed(list(self.tasks.values()), paging)

    @rule(user_id=user_ids, paging=PAGINGS)
    def list_tasks_of_user(self, user_id: int, paging: pagination.Paging) -> None:
        if user_id not in self.users:
            assert outcome(assignments.page, user_id, paging) is NotFound
            return
        theirs = [task for task in self.tasks.values() if user_id in task.assignees]
        found = walked(lambda options: assignments.page(user_id, options), paging)
        assert found == self.listed(theirs, paging)

    @invariant()
    def all_tables_agree(self) -> None:
        assert [finding.text for finding in findings()] == []

    def change(self, task_id: int, **values: Any) -> None:
        self.tasks[task_id] = msgspec.structs.replace(self.tasks[task_id], **values)

    def listed(self, found: list[Task], paging: pagination.Paging) -> list[Any]:
        selected = [task for task in found if not paging.statuses or task.status in paging.statuses]

        def sort_key(task: Task) -> str:
            if paging.sort == "created_at":
                return index_keys.created_key(task.created_at, task.id)
            return index_keys.due_key(task.expires_at, task.id)

        selected.sort(key=sort_key, reverse=not paging.ascending)
        return [plain(task) for task in selected]

    def teardown(self) -> None:
        """Empty the tables for the next run."""
        for user_id in self.users:
            users.delete(user_id)
        for task_id in self.tasks:
            tasks.delete(task_id)


def plain(task: Task) -> dict[str, Any]:
    """Return the fields of the task without those of its last write, which the model ignores."""
    names = set(Task.__struct_fields__) - {"version", "updated_at"}
    return {name: getattr(task, name) for name in names}


def walked(
    page: Callable[[pagination.Paging], pagination.Page[Task]], paging: pagination.Paging
) -> list[dict[str, Any]]:
    """Return the whole list, read page by page."""
    found: list[dict[str, Any]] = []
    while True:
        part = page(paging)
        found += map(plain, part.items)
        if part.next is None:
            return found
        paging = msgspec.structs.replace(paging, after=part.next)


def test_the_api_matches_the_in_memory_model(bind: Bind, backend: str) -> None:
    bind(lanes=1 if backend == "moto" else 3)
    assert_every_step_holds(
        Machine,
        settings=settings(
            max_examples=2 if backend == "moto" else 4,  # moto takes five times as long
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
