"""Filters of lists of tasks have exactly the tasks that they describe, on pages by cursor."""

import random
from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import NamedTuple

import pytest

from chalicelib.domain.task import Status, Task
from chalicelib.dynamodb import counters, shared_state, task_writes, user_writes
from chalicelib.dynamodb.models import CounterModel, TaskModel
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api
from tests.support.bulk_data import add_tasks
from tests.support.pages import Item, concatenated, ids, pages

STATUSES: tuple[Status, ...] = ("PENDING", "IN_PROGRESS", "DONE", "CANCELLED")
DUE = (None, "2030-01-01", "2030-01-02", "2030-02-01", "9999-12-30", "9999-12-31")
CREATED = ("2026-01-30", "2026-01-31", "2026-02-01")
TIMES = ("00:00:00.000000", "12:00:00.000001", "23:59:59.999999")
SAMPLES = {"moto": 5, "dynamodb-local": 20}
"""How many questions a test asks, of hundreds."""


class Question(NamedTuple):
    """The query parameters of a list."""

    sort: str
    status: str | None
    after: str | None
    before: str | None
    order: str
    unassigned: bool = False

    @property
    def query(self) -> str:
        kind = "due" if self.sort == "expires_at" else "created"
        values = {
            "sort": None if self.after or self.before or self.unassigned else self.sort,
            "status": self.status,
            f"{kind}_after": self.after,
            f"{kind}_before": self.before,
            "order": self.order,
            "unassigned": "true" if self.unassigned else None,
        }
        return "&".join(f"{name}={value}" for name, value in values.items() if value)

    def matches(self, task: Item) -> bool:
        if self.status and task["status"] not in self.status.split(","):
            return False
        if self.unassigned and task["assignees"]:
            return False
        if not (self.after or self.before):
            return True
        day = task[self.sort]
        return day is not None and (self.after or "") <= day <= (self.before or "9999-12-31")

    def answer(self, tasks: list[Item]) -> list[int]:
        """Return the ids of the tasks that it asks for; `tasks` are in order of creation."""
        found = [task for task in tasks if self.matches(task)]
        if self.sort == "expires_at":
            found.sort(key=lambda task: (task["expires_at"] or "none: last", task["id"]))
        return ids(found)[:: 1 if self.order == "asc" else -1]


def questions() -> Iterator[Question]:
    statuses = (None, "DONE", "PENDING,CANCELLED", "DONE,PENDING,IN_PROGRESS,CANCELLED")
    for sort, days in (("created_at", CREATED), ("expires_at", DUE[1:])):
        ranges = [
            (after, before)
            for after, before in product((None, *days), repeat=2)
            if not (after and before and after > before)
        ]
        for status, (after, before), order in product(statuses, ranges, ("asc", "desc")):
            yield Question(sort, status, after, before, order)
            if sort == "expires_at":
                yield Question(sort, status, after, before, order, unassigned=True)


@pytest.fixture
def tasks(api: Api, user: int) -> list[Item]:
    """Create tasks, half of them the user's, with random fields; return them by creation."""
    choose = random.Random(7).choice  # noqa: S311
    times = sorted(f"{day}T{time}Z" for day in CREATED for time in TIMES for _ in range(4))
    change = Transaction()
    user_writes.increment_assignment_count(change, user, len(times))
    idents = counters.allocate_ids("tasks", len(times))
    for number, (ident, created_at) in enumerate(zip(idents, times, strict=True)):
        task = Task(
            id=ident,
            created_at=created_at,
            name="plan",
            status=choose(STATUSES),
            expires_at=choose(DUE),
            assignees=(user,) if number % 2 else (),
        )
        task_writes.create_task(change, task)
    change.commit()
    found: list[Item] = api("GET", "/v1/tasks?order=asc").json_body
    return found


def test_each_question_has_its_tasks_once_in_order(
    api: Api, user: int, tasks: list[Item], backend: str, lanes: int
) -> None:
    theirs = [task for task in tasks if task["assignees"]]
    lists = {"/v1/tasks": tasks, f"/v1/users/{user}/tasks": theirs}
    sample = random.Random(f"{backend} {lanes}").sample([*questions()], SAMPLES[backend])  # noqa: S311
    for question, (path, listed) in product(sample, lists.items()):
        if question.unassigned and listed is theirs:
            continue
        found = list(pages(api, path, f"?page_size=5&{question.query}"))
        assert ids(concatenated(found)) == question.answer(listed), (path, question)
        assert {len(page) for page in found[:-1]} <= {5}


@pytest.mark.backend("fastest")
def test_an_offset_counts_the_tasks_of_a_question(api: Api, tasks: list[Item]) -> None:
    question = Question("expires_at", "PENDING,DONE", "2030-01-01", None, "asc")
    wanted = question.answer(tasks)
    assert len(wanted) > 4
    for offset in (0, 2, len(wanted)):
        found = api("GET", f"/v1/tasks?page_size=2&offset={offset}&{question.query}")
        assert ids(found.json_body) == wanted[offset : offset + 2]


@pytest.mark.backend("fastest")
def test_a_cursor_refuses_other_filters_and_accepts_its_own(api: Api, tasks: list[Item]) -> None:
    query = "status=DONE,PENDING&due_after=2030-01-01&unassigned=true&page_size=1"
    cursor = api("GET", f"/v1/tasks?{query}").headers["Link"].split("cursor=")[1].split("&")[0]
    page = f"/v1/tasks?cursor={cursor}&page_size=1"
    wanted = api("GET", page).json_body
    assert len(wanted) == 1
    for same in (
        "status=PENDING,DONE",
        "due_after=2030-01-01",
        "sort=expires_at",
        "unassigned=true",
    ):
        assert api("GET", f"{page}&{same}").json_body == wanted
    plain = api("GET", "/v1/tasks?page_size=1&sort=expires_at").headers["Link"]
    contradicting = api("GET", f"{plain[1:].partition('>')[0]}&unassigned=true")
    assert contradicting.json_body["detail"] == "unassigned: must be absent, as in the cursor"
    for other, allowed in {
        "status=DONE": "status: must be PENDING,DONE",
        "due_after=2030-01-02": "due_after: must be 2030-01-01",
        "due_before=2030-01-01": "due_before: must be absent",
        "created_after=2026-01-01": "created_after: must be absent",
        "sort=created_at": "sort: must be expires_at",
    }.items():
        refused = api("GET", f"{page}&{other}")
        assert refused.status_code == 400
        assert refused.json_body["detail"] == f"{allowed}, as in the cursor"


@pytest.mark.backend("fastest")
def test_a_task_without_a_due_date_is_never_due_while_it_shares_keys_with_the_last_day(
    api: Api, user: int
) -> None:
    change = Transaction()
    change.update(CounterModel(shared_state.ITEM_NAME), [CounterModel.contracted.set(2)])
    change.commit()
    shared_state.forget()
    made = {due: add_tasks(2, [user], expires_at=due) for due in (None, "9999-12-31", "2030-01-01")}
    lists = ("/v1/tasks", f"/v1/users/{user}/tasks")
    for path, order, size in product(lists, ("asc", "desc"), (1, 7)):
        query = f"?order={order}&page_size={size}"
        last = concatenated(pages(api, path, f"{query}&due_after=9999-12-31"))
        both = concatenated(pages(api, path, f"{query}&due_before=9999-12-31&status=PENDING"))
        assert sorted(ids(last)) == made["9999-12-31"]
        assert sorted(ids(both)) == made["9999-12-31"] + made["2030-01-01"]


@pytest.mark.backend("fastest")
def test_a_task_that_the_previous_release_changed_is_not_listed_by_its_old_key(
    api: Api, user: int
) -> None:
    """It assigned a task, or changed the status of one, and left the key of the index."""
    free, assigned, done = add_tasks(3, expires_at="2030-01-01")
    change = Transaction()
    change.update(TaskModel(assigned), [TaskModel.assignees.set({user})])
    change.update(TaskModel(done), [TaskModel.status.set("DONE")])
    change.commit()
    for query, wanted in (("", [free, done]), ("&status=PENDING", [free]), ("&status=DONE", [])):
        listed = api("GET", f"/v1/tasks?unassigned=true{query}").json_body
        assert sorted(ids(listed)) == wanted


DUE_FILTERS = ("due_after=2030-01-01", "due_before=2030-01-01", "unassigned=true")
CREATED_FILTERS = ("created_after=2026-01-01", "created_before=2026-01-01")


@pytest.mark.backend("moto")
def test_a_combination_without_an_index_names_those_with_one(api: Api, user: int) -> None:
    possible = (
        "; sort=expires_at can be combined with due_after, due_before{} and status"
        "; sort=created_at can be combined with created_after, created_before and status"
    )
    wrong = {
        **{
            f"{due}&{created}": f"{created.partition('=')[0]}: must not be sent with "
            f"{due.partition('=')[0]}"
            for due, created in product(DUE_FILTERS, CREATED_FILTERS)
        },
        **{
            f"{one}&sort=created_at": f"sort: must be expires_at, or absent, with "
            f"{one.partition('=')[0]}"
            for one in DUE_FILTERS
        },
        **{
            f"{one}&sort=expires_at": f"sort: must be created_at, or absent, with "
            f"{one.partition('=')[0]}"
            for one in CREATED_FILTERS
        },
    }
    lists = {"/v1/tasks": ", unassigned", f"/v1/users/{user}/tasks": ""}
    for (path, also), (query, detail) in product(lists.items(), wrong.items()):
        if "unassigned" in query and not also:
            continue
        for more in ("", "&status=DONE,PENDING", "&order=asc&page_size=7"):
            refused = api("GET", f"{path}?{query}{more}")
            assert refused.status_code == 400
            assert refused.json_body["detail"] == detail + possible.format(also)
    of_user = api("GET", f"/v1/users/{user}/tasks?unassigned=true")
    assert (of_user.status_code, of_user.json_body["detail"].partition(";")[0]) == (
        400,
        "unassigned: unknown query parameter",
    )


@pytest.mark.backend("fastest")
def test_today_is_a_day_of_creation(api: Api, user: int) -> None:
    [ident] = add_tasks(1, [user])
    today = api("GET", f"/v1/tasks/{ident}").json_body["created_at"]
    assert date.fromisoformat(today)
    for path in ("/v1/tasks", f"/v1/users/{user}/tasks"):
        query = f"created_after={today}&created_before={today}"
        assert ids(api("GET", f"{path}?{query}").json_body) == [ident]
