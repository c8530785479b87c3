"""Tables for the benchmarks, filled fast."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.models import Model

from billet.cli import tables
from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import client, clock, counters
from chalicelib.dynamodb.codec import assignment_values, created_key_of, task_values, user_values
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel
from chalicelib.settings import Settings

BATCH = 25
WRITERS = 4
RARE = 60
"""How many of the oldest tasks are CANCELLED; no others are."""
OWNED = 200
"""How many of the newest tasks user 1 has."""
USERS = 60
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Tables of their own, with some users and so many tasks of one size."""

    def __init__(self, prefix: str, tasks: int, lanes: int = 1) -> None:
        self.settings = Settings(table_prefix=prefix, lanes=lanes)
        self.tasks = tasks

    @property
    def items(self) -> int:
        """How many items `fill` writes."""
        return USERS + self.tasks + OWNED

    def enter(self) -> None:
        """Points the API at these tables."""
        client.bind(self.settings, CONNECTION)

    def fill(self, progress: Callable[[int], object]) -> None:
        """Makes and fills the tables."""
        self.enter()
        list(tables.create())
        boto3 = CONNECTION.client
        batches = _batches(self._items())
        with ThreadPoolExecutor(WRITERS) as pool:
            for count in pool.map(lambda batch: _write(boto3, batch), batches):
                progress(count)

    def middle(self) -> Task:
        """The task in the middle of the list."""
        return task(self.tasks // 2, self.tasks)

    def _items(self) -> Iterator[tuple[type[Model], dict[str, Any]]]:
        counters.allocate_ids("users", USERS)
        counters.allocate_ids("tasks", self.tasks)
        for ident in range(1, USERS + 1):
            user = User(id=ident, username=f"user{ident}", created_at=clock.stamp(BEGINNING))
            yield UserModel, user_values(user, counters.lane_of_new("users", ident))
        for ident in range(1, self.tasks + 1):
            one = task(ident, self.tasks)
            yield TaskModel, task_values(one, counters.lane_of_new("tasks", ident))
            for user_id in one.assignees:
                yield (
                    AssignmentModel,
                    assignment_values(one)
                    | {"user_id": user_id, "created_key": created_key_of(one)},
                )


CONNECTION = client.connect()


def task(ident: int, of: int) -> Task:
    """The task with this id, in a world of so many."""
    return Task(
        id=ident,
        name=f"Plan the work of week {ident:08}",
        desc="What is to be done, by whom, and until when it has to be there. " * 2,
        status="CANCELLED" if ident <= RARE else "PENDING",
        expires_at="2030-01-01",
        created_at=clock.stamp(BEGINNING + timedelta(seconds=ident)),
        assignees=(1,) if ident > of - OWNED else (),
    )


def _batches(items: Iterator[Any]) -> Iterator[Sequence[Any]]:
    while batch := list(itertools.islice(items, BATCH)):
        yield batch


def _write(boto3: Any, batch: Sequence[tuple[type[Model], dict[str, Any]]]) -> int:
    requests: dict[str, list[Any]] = {}
    for model, values in batch:
        put = {"PutRequest": {"Item": model(**values).serialize()}}
        requests.setdefault(model.Meta.table_name, []).append(put)
    left = requests
    while left:
        left = boto3.batch_write_item(RequestItems=left)["UnprocessedItems"]
    return len(batch)
