"""`seed` with one lane and with several."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner, Result
from msgspec import structs

from billet.cli.sample_data import SampleData
from billet.cli.seed import seed, write_tasks
from billet.integrity import findings
from chalicelib.dynamodb import queries
from chalicelib.services import tasks, users
from chalicelib.services.pagination import Paging

ALL = Paging(page_size=1000)


def run_seed(*options: str) -> Result:
    return CliRunner().invoke(seed, ["--yes", *options])


@pytest.mark.parametrize("lanes", [1, 4])
def test_seeded_tables_are_consistent_and_ids_continue(bind: Any, lanes: int) -> None:
    bind(lanes)
    assert run_seed("--users", "55", "--tasks", "30").stdout == "Added 55 users and 30 tasks\n"
    assert ids() == (set(range(1, 56)), set(range(1, 31)))
    assert run_seed("--users", "3", "--tasks", "9").exit_code == 0
    assert [len(seeded) for seeded in ids()] == [58, 39]
    users.create("Ann")
    assert len(ids()[0]) == 59
    assert not list(findings())


@pytest.mark.usefixtures("database")
def test_seeded_tasks_are_spread_over_all_values() -> None:
    run_seed("--users", "10", "--tasks", "100", "--seed", "1")
    found = tasks.page(ALL).items
    assert {task.status for task in found} == {"PENDING", "IN_PROGRESS", "DONE", "CANCELLED"}
    assert {len(task.assignees) for task in found} == {0, 1, 2, 3}
    assert 50 < sum(task.expires_at is not None for task in found) < 80
    assert len({task.created_at[:7] for task in found}) >= 12


@pytest.mark.usefixtures("database")
def test_seeded_users_count_their_tasks() -> None:
    run_seed("--users", "3", "--tasks", "40")
    counts = Counter(user_id for task in tasks.page(ALL).items for user_id in task.assignees)
    found = [queries.user(ident) for ident in (1, 2, 3)]
    assert {user.id: user.assignment_count for user in found if user} == counts


@pytest.mark.usefixtures("database")
def test_seeding_without_users_leaves_tasks_unassigned() -> None:
    assert run_seed("--users", "0", "--tasks", "5").exit_code == 0
    assert [task.assignees for task in tasks.page(ALL).items] == [()] * 5


@pytest.mark.usefixtures("database")
def test_seeding_assigns_no_task_to_a_deleted_user() -> None:
    [task] = SampleData(1, datetime.now(UTC)).tasks([1], [])
    with pytest.raises(ClickException, match="another client deleted a new user"):
        write_tasks([structs.replace(task, assignees=(7,))])
    assert ids() == (set(), set())


@pytest.mark.usefixtures("database")
def test_seed_refuses_a_database_with_data_by_default() -> None:
    assert CliRunner().invoke(seed, ["--users", "1", "--tasks", "0"]).exit_code == 0
    refused = CliRunner().invoke(seed, ["--users", "1", "--tasks", "0"])
    assert refused.exit_code == 1
    assert refused.stderr.endswith("\nError: the database has data; --yes adds to it\n")
    assert ids() == ({1}, set())


@pytest.mark.usefixtures("database")
def test_an_interrupted_seed_reports_how_many_it_added(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(tasks: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("billet.cli.seed.write_tasks", interrupted)
    stopped = run_seed("--users", "3", "--tasks", "9")
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("\nStopped: added 3 users and 0 tasks\n")
    assert ids() == ({1, 2, 3}, set())


def ids() -> tuple[set[int], set[int]]:
    return (
        {user.id for user in users.page(ALL).items},
        {task.id for task in tasks.page(ALL).items},
    )
