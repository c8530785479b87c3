"""Generated users and tasks that look real."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from faker import Faker

from chalicelib.domain.task import Status, Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import clock

STATUSES: dict[Status, int] = {"PENDING": 40, "IN_PROGRESS": 20, "DONE": 35, "CANCELLED": 5}
"""The percentage of tasks with each status."""
WITH_DUE_DATE = 2 / 3
ASSIGNED = 1 / 2
MAX_SAMPLE_ASSIGNEES = 3
LONGEST_DAYS = 120
"""The maximum number of days from a task's creation to its due date."""
YEAR = timedelta(days=365)


class SampleData:
    """Generates users and tasks that were created in the year before `until`.

    The same arguments generate the same data.

    Args:
        seed: the random seed; None for other data each time.
        until: a time in UTC.
    """

    def __init__(self, seed: int | None, until: datetime) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._fake = Faker()
        self._fake.seed_instance(self._random.random())
        self._until = until

    def users(self, idents: Sequence[int]) -> list[User]:
        """Return users with these ids, in the order of creation. The id makes the name unique."""
        moments = self._moments(len(idents))
        return [
            User(id=ident, username=f"{self._name()}.{ident}", created_at=moment)
            for ident, moment in zip(idents, moments, strict=True)
        ]

    def tasks(self, idents: Sequence[int], user_ids: Sequence[int]) -> list[Task]:
        """Return tasks with these ids, in the order of creation, some assigned to these users."""
        moments = self._moments(len(idents))
        return [
            self._task(ident, moment, user_ids)
            for ident, moment in zip(idents, moments, strict=True)
        ]

    def _task(self, ident: int, created_at: str, user_ids: Sequence[int]) -> Task:
        [status] = self._random.choices(list(STATUSES), list(STATUSES.values()))
        assignees = self._assignees(user_ids)
        touched = bool(assignees) or status != "PENDING"
        return Task(
            id=ident,
            name=self._fake.bs().capitalize(),
            desc=self._fake.paragraph(),
            status=status,
            expires_at=self._due_date(created_at),
            created_at=created_at,
            updated_at=self._change(created_at) if touched else None,
            assignees=assignees,
        )

    def _due_date(self, created_at: str) -> str | None:
        if self._random.random() >= WITH_DUE_DATE:
            return None
        days = timedelta(days=self._random.randint(1, LONGEST_DAYS))
        return (datetime.fromisoformat(created_at) + days).date().isoformat()

    def _change(self, created_at: str) -> str:
        created = datetime.fromisoformat(created_at)
        moment = created + self._random.random() * (self._until - created)
        return f"{clock.stamp(moment)[:19]}Z"

    def _assignees(self, user_ids: Sequence[int]) -> tuple[int, ...]:
        if self._random.random() >= ASSIGNED:
            return ()
        count = min(self._random.randint(1, MAX_SAMPLE_ASSIGNEES), len(user_ids))
        return tuple(sorted(self._random.sample(user_ids, count)))

    def _name(self) -> str:
        return f"{self._fake.first_name()}.{self._fake.last_name()}".lower()

    def _moments(self, count: int) -> list[str]:
        """Return times in the year, ascending."""
        ages = sorted((self._random.random() for _ in range(count)), reverse=True)
        return [clock.stamp(self._until - age * YEAR) for age in ages]
