"""No acknowledged write is lost when the API is killed and the database stopped under load.

JEPSEN_ROUNDS makes the run longer, as `make jepsen` does.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.faults.jepsen import system as systems
from tests.faults.jepsen.clients import Client, Shared, run
from tests.faults.jepsen.history import (
    Op,
    check_assignments,
    check_set,
    check_swaps,
    check_walks,
    excluding_periods,
    of,
)
from tests.faults.jepsen.system import System

pytestmark = pytest.mark.walk

ROUNDS = int(os.environ.get("JEPSEN_ROUNDS", "3"))


class Run(NamedTuple):
    """A history and the final state."""

    history: list[Op]
    shared: Shared
    found: list[tuple[int, str]]
    tasks: dict[int, list[int]]
    lists: dict[int, list[int]]
    system: System


def finish(system: System, shared: Shared, history: list[Op]) -> Run:
    client = Client(system, -1)
    _, tasks = client.walk()
    users = [user["id"] for user in client.send("GET", "/v1/users").body]
    lists = {user: client.send("GET", f"/v1/users/{user}/tasks").body for user in users}
    client.close()
    return Run(
        excluding_periods(history, system.last_instants),
        shared,
        [(task["id"], task["name"]) for task in tasks if task["name"].startswith("new")],
        {task["id"]: task["assignees"] for task in tasks},
        {user: [task["id"] for task in theirs] for user, theirs in lists.items()},
        system,
    )


@pytest.fixture(scope="module")
def faulty_run(startable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run the clients while the API is killed and the database stopped, alternately."""
    system = System(tmp_path_factory.mktemp("data"), systems.SERVE)
    faults = [system.kill_api, system.stop_database] * max(1, ROUNDS // 3)
    with system.running():
        yield finish(system, *run(system, ROUNDS, faults))


def test_each_acknowledged_create_exists_once(faulty_run: Run) -> None:
    assert len(of(faulty_run.history, "create", outcome="ok")) > ROUNDS
    assert check_set(faulty_run.history, faulty_run.found) == []


def test_one_update_per_version_succeeds_and_versions_have_no_gaps(faulty_run: Run) -> None:
    assert len(of(faulty_run.history, "swap", outcome="ok")) > ROUNDS
    assert len(of(faulty_run.history, "swap", outcome="fail")) > ROUNDS
    assert check_swaps(faulty_run.history) == []


def test_tasks_and_users_agree_on_assignments(faulty_run: Run) -> None:
    assert len(of(faulty_run.history, "assign", outcome="ok")) > ROUNDS
    assert check_assignments(faulty_run.history, faulty_run.tasks, faulty_run.lists) == []
    assert "Nothing is broken" in faulty_run.system.doctor()


def test_a_cursor_walk_returns_each_unchanged_task_once(faulty_run: Run) -> None:
    assert len(of(faulty_run.history, "walk", outcome="ok")) > ROUNDS
    assert check_walks(faulty_run.history, faulty_run.shared.stable) == []


def test_a_build_without_a_condition_is_detected(startable: None) -> None:
    # The last of the updates that race decide what remains, so one run can end right by chance.
    for _ in range(5):
        system = System(None, systems.BROKEN_SERVE)
        with system.running():
            broken = finish(system, *run(system, 1, []))
        assert any("won version" in problem for problem in check_swaps(broken.history))
        if problems := check_assignments(broken.history, broken.tasks, broken.lists):
            break
    assert problems != []
