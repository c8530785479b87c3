"""Tables with test data for the benchmarks."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.models import Model

from billet.migrations import runner
from billet.migrations.scanning import Options
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import backoff, client, clock, counters
from chalicelib.dynamodb.codec import assignment_values, created_key_of, task_values, user_values
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel
from chalicelib.settings import Settings

BATCH_SIZE = 25
MAX_ATTEMPTS = 20
"""The number of calls for one batch, of which DynamoDB may leave items unprocessed."""
WRITER_THREADS = 4
CANCELLED_TASKS = 60
"""The oldest tasks; no other task has the status CANCELLED."""
ASSIGNED_TASKS = 200
"""The newest tasks, all assigned to user 1."""
USERS = 60
FIRST_CREATED = datetime(2026, 1, 1, tzinfo=UTC)

CONNECTION = client.connect()


class Dataset:
    """Tables under a prefix of their own, with 60 users and any number of equally large tasks."""

    def __init__(self, prefix: str, task_count: int, lanes: int = 1) -> None:
        self.settings = Settings(table_prefix=prefix, lanes=lanes)
        self.task_count = task_count

    @property
    def item_count(self) -> int:
        """The number of items that `fill` writes."""
        return USERS + self.task_count + ASSIGNED_TASKS

    def bind(self) -> None:
        """Let the API of this process use these tables."""
        client.bind(self.settings, CONNECTION)

    def fill(self, on_written: Callable[[int], object]) -> None:
        """Create the tables and write the items.

        Args:
            on_written: called with the number of items after each batch.
        """
        self.bind()
        runner.up(options=Options(quiet=True))
        boto3 = CONNECTION.client
        with ThreadPoolExecutor(WRITER_THREADS) as pool:
            for count in pool.map(lambda batch: _write(boto3, batch), _batches(self._items())):
                on_written(count)

    def middle_task(self) -> Task:
        """Return the task in the middle of the list."""
        return self._task(self.task_count // 2)

    def _items(self) -> Iterator[tuple[type[Model], dict[str, Any]]]:
        counters.allocate_ids("users", USERS)
        counters.allocate_ids("tasks", self.task_count)
        for ident in range(1, USERS + 1):
            user = User(id=ident, username=f"user{ident}", created_at=clock.stamp(FIRST_CREATED))
            yield UserModel, user_values(user, counters.lane_of_new("users", ident))
        for ident in range(1, self.task_count + 1):
            task = self._task(ident)
            yield TaskModel, task_values(task, counters.lane_of_new("tasks", ident))
            for user_id in task.assignees:
                keys = {"user_id": user_id, "created_key": created_key_of(task)}
                yield AssignmentModel, assignment_values(task) | keys

    def _task(self, ident: int) -> Task:
        return Task(
            id=ident,
            name=f"Plan the work of week {ident:08}",
            desc="What is to be done, by whom, and until when it has to be there. " * 2,
            status="CANCELLED" if ident <= CANCELLED_TASKS else "PENDING",
            expires_at="2030-01-01",
            created_at=clock.stamp(FIRST_CREATED + timedelta(seconds=ident)),
            assignees=(1,) if ident > self.task_count - ASSIGNED_TASKS else (),
        )


def _batches(items: Iterator[Any]) -> Iterator[Sequence[Any]]:
    while batch := list(itertools.islice(items, BATCH_SIZE)):
        yield batch


def _write(boto3: Any, batch: Sequence[tuple[type[Model], dict[str, Any]]]) -> int:
    requests: dict[str, list[Any]] = {}
    for model, values in batch:
        put = {"PutRequest": {"Item": model(**values).serialize()}}
        requests.setdefault(model.Meta.table_name, []).append(put)
    for _ in backoff.attempts(MAX_ATTEMPTS):
        requests = boto3.batch_write_item(RequestItems=requests)["UnprocessedItems"]
        if not requests:
            return len(batch)
    raise Unavailable
