from datetime import UTC, datetime

from billet.cli.sample_data import SampleData
from chalicelib.domain.task import Task
from chalicelib.domain.user import User

UNTIL = datetime(2026, 1, 31, tzinfo=UTC)


def test_the_same_seed_generates_the_same_data() -> None:
    assert some(7) == some(7)
    assert some(7) != some(8)
    assert some(None) != some(None)


def test_ids_follow_the_order_of_creation_within_the_year() -> None:
    users, tasks = some(7)
    for records in (users, tasks):
        moments = [record.created_at for record in records]
        assert moments == sorted(moments)
        assert "2025-01-31" <= moments[0] < moments[-1] < "2026-01-31"


def test_a_deadline_is_after_the_creation() -> None:
    _, tasks = some(7)
    assert all(task.expires_at > task.created_at[:10] for task in tasks if task.expires_at)


def test_a_change_is_between_the_creation_and_now() -> None:
    _, tasks = some(7)
    changed = [task for task in tasks if task.updated_at]
    assert 10 < len(changed) < len(tasks)
    assert all(
        task.created_at[:19] <= (task.updated_at or "")[:19] < "2026-01-31" for task in changed
    )


def some(number: int | None) -> tuple[list[User], list[Task]]:
    invention = SampleData(number, UNTIL)
    return invention.users([1, 2, 3]), invention.tasks(range(1, 50), [1, 2, 3])
