"""Requests succeed and no data is lost while this code replaces the previous release.

Clients use every kind of endpoint during the whole replacement. MIGRATION_ROUNDS makes the run
longer, as `make migrate-proof` does.
"""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.faults.jepsen.history import (
    Op,
    check_assignments,
    check_creation_walks,
    check_puts,
    check_set,
    check_swaps,
    check_unique_ids,
    check_walks,
    of,
)
from tests.support.servers import ROOT, ServerProcess
from tests.walks.migration.clients import CLIENTS, TASK_WALKS, Load, Log, Shared
from tests.walks.migration.fleet import Fleet
from tests.walks.migration.releases import Release

pytestmark = pytest.mark.walk
ROUNDS = int(os.environ.get("MIGRATION_ROUNDS", "1"))
LANES = ((1, 1), (1, 4), (4, 4)) if ROUNDS > 1 else ((4, 4),)
"""The LANES of the previous release and of this one."""
Found = list[tuple[int, str]]


class Proof(NamedTuple):
    """What the clients did and saw, and what is there at the end."""

    log: Log
    shared: Shared
    tasks: list[Any]
    users: list[Any]
    lists: dict[int, list[int]]
    """The tasks of each user."""
    links: tuple[str, str]
    """The Link header of a list of the previous release, and of this one."""
    contract: tuple[float, float]
    """When contract began and ended."""
    exit_status: int
    """How the server of the previous release ended."""
    status: str
    """The output of `billet migrate status`."""
    doctor: str

    @property
    def found_tasks(self) -> Found:
        """The tasks by id and first name."""
        swapped = self.shared.swapped
        return [
            (one["id"], "swapped" if one["id"] == swapped else one["name"]) for one in self.tasks
        ]

    @property
    def found_users(self) -> Found:
        return [(one["id"], one["username"]) for one in self.users]


@pytest.fixture(scope="module", params=LANES, ids="{0[0]}-{0[1]}".format)
def proof(
    previous_release: Path, dynamodb_local_endpoint: str, request: pytest.FixtureRequest
) -> Iterator[Proof]:
    """Replace the previous release by this code, step by step, under load."""
    environ = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint,
        "TABLE_PREFIX": f"proof-{uuid.uuid4().hex[:12]}",
        "AUTH": "on",
        "LOG_LEVEL": "ERROR",
    }
    before, after = request.param
    servers: list[ServerProcess] = []
    try:
        yield replace_release(
            Release(previous_release, {**environ, "LANES": str(before)}),
            Release(
                ROOT, {**environ, "LANES": str(after), "REQUEST_SECONDS": "10"}, ("--workers", "2")
            ),
            servers,
        )
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.stop(signal.SIGKILL)


def replace_release(old: Release, new: Release, servers: list[ServerProcess]) -> Proof:
    old.run("tables", "create")
    token = ("token", "create", "--name", "ci", "--role", "admin")
    tokens = [old.run(*token), old.run(*token, "--expires", "90d")]
    fleet = Fleet()
    servers.append(old.serve())
    fleet.add(servers[0])
    load = Load(fleet, tokens)
    links = [_link(servers[0], tokens[0])]
    with load.running():
        fleet.phase = "the previous release alone"
        load.await_rounds(ROUNDS)
        for step in ("expand", "backfill"):
            fleet.phase = step
            new.run("migrate", step)
            load.await_rounds(ROUNDS)
        servers.append(new.serve())
        fleet.phase = "both releases"
        fleet.add(servers[1])
        load.await_rounds(ROUNDS)
        fleet.drain(servers[0])
        exit_status = servers[0].stop()
        fleet.phase = "contract"
        begin = time.monotonic()
        new.run("migrate", "contract")
        contract = begin, time.monotonic()
        new.run("migrate", "verify")
        fleet.phase = "this release alone"
        load.await_rounds(ROUNDS)
    last = load.clients[0]
    tasks, users = last.walk("/v1/tasks"), last.walk("/v1/users")
    lists = {
        user["id"]: last.send("GET", f"/v1/users/{user['id']}/tasks?page_size=1000").body
        for user in users
    }
    links.append(_link(servers[1], tokens[0]))
    return Proof(
        load.log,
        load.shared,
        tasks,
        users,
        {user: [task["id"] for task in found] for user, found in lists.items()},
        (links[0], links[1]),
        contract,
        exit_status,
        new.run("migrate", "status"),
        new.run("doctor"),
    )


def _link(server: ServerProcess, token: str) -> str:
    response = httpx.get(
        f"{server.url}/v1/tasks?page_size=1", headers={"Authorization": f"Bearer {token}"}
    )
    return str(response.headers["Link"])


def assert_the_previous_release_is_the_old_code(proof: Proof) -> None:
    before, after = proof.links
    assert before.startswith("<?cursor=")  # relative; it became absolute later
    assert after.startswith("<http://")
    assert proof.exit_status == 0


def assert_no_request_fails_but_those_that_lost_a_race(proof: Proof) -> None:
    assert proof.log.failures == []
    refused = {status: n for status, n in proof.log.statuses.items() if status >= 300}
    assert refused.keys() <= {409, 412}
    assert sum(refused.values()) < sum(proof.log.statuses.values()) / 10, proof.log.statuses


def assert_no_acknowledged_write_is_lost(proof: Proof) -> None:
    assert_work_was_done(proof.log.tasks)
    values = {
        task["id"]: {name: task[name] for name in ("desc", "expires_at", "status")}
        for task in proof.tasks
    }
    assert check_set(proof.log.tasks, proof.found_tasks) == []
    assert check_set(proof.log.users, proof.found_users) == []
    assert check_puts(proof.log.tasks, values) == []
    assert check_swaps(proof.log.tasks) == []


def assert_work_was_done(history: list[Op]) -> None:
    """Require that the clients did each kind of operation in each phase."""
    for kind in ("create", "delete", "put", "swap", "read", "walk"):
        assert len(of(history, kind, outcome="ok")) > 5 * ROUNDS, kind
    assert len(of(history, "assign", "unassign", outcome="ok")) > CLIENTS * ROUNDS


def assert_tasks_and_users_agree_on_assignments(proof: Proof) -> None:
    assignees = {task["id"]: task["assignees"] for task in proof.tasks}
    kept = {task: users for task, users in assignees.items() if task not in proof.shared.stable}
    lists = {
        user: [task for task in tasks if task not in proof.shared.stable]
        for user, tasks in proof.lists.items()
    }
    assert check_assignments(proof.log.tasks, kept, lists) == []
    assigned = proof.shared.stable[::2]
    assert {task for task, users in assignees.items() if task not in kept and users} == {*assigned}
    assert {*assigned} <= {*proof.lists[proof.shared.owner]}


def assert_no_id_is_given_twice(proof: Proof) -> None:
    assert check_unique_ids(proof.log.tasks) == []
    assert check_unique_ids(proof.log.users) == []


def assert_no_walk_misses_or_repeats_what_existed_throughout_it(proof: Proof) -> None:
    history = proof.log.tasks
    walks = of(history, "walk", outcome="ok")
    by_creation = [op for op in history if op.kind != "walk" or op.argument in TASK_WALKS]
    assert check_creation_walks(by_creation) == []
    assert check_creation_walks(proof.log.users) == []
    for walk in (op for op in walks if op.argument not in TASK_WALKS):
        assert check_walks([walk], unmoved(proof, walk)) == [], walk.argument


def unmoved(proof: Proof, walk: Op) -> list[int]:
    """Return the tasks of the list that nobody changed during the walk.

    Contract moves tasks that are due on the last day in lists by due date.
    """
    stable = proof.shared.stable[::2] if "users" in walk.argument else proof.shared.stable
    begin, end = proof.contract
    if "expires_at" in walk.argument and walk.start < end and walk.end > begin:
        return [one for one in stable if one not in proof.shared.last_day]
    return stable


def assert_the_migration_is_complete_and_doctor_finds_nothing(proof: Proof) -> None:
    assert proof.doctor.endswith("Nothing is broken")
    assert proof.status


def lost_writes(proof: Proof) -> Iterator[Proof]:
    """Yield the proof without a task, a user, or an update."""
    own = of(proof.log.tasks, "put")[0].argument[0]
    changed = [{**task, "desc": "other"} if task["id"] == own else task for task in proof.tasks]
    yield proof._replace(tasks=proof.tasks[1:])
    yield proof._replace(users=proof.users[:-1])
    yield proof._replace(tasks=changed)


def repeated_ids(proof: Proof) -> Iterator[Proof]:
    first, second = of(proof.log.tasks, "create", outcome="ok")[:2]
    again = replace(second, result=first.result)
    yield proof._replace(log=replace(proof.log, tasks=[*proof.log.tasks, again]))


def wrong_walks(proof: Proof) -> Iterator[Proof]:
    """Yield the proof with a walk of each list that misses a task or has one twice."""
    for walk in {op.argument: op for op in of(proof.log.tasks, "walk", outcome="ok")}.values():
        stable = proof.shared.stable[2]
        for ids in ([*walk.result, stable], [one for one in walk.result if one != stable]):
            worse = [*proof.log.tasks, replace(walk, result=ids)]
            yield proof._replace(log=replace(proof.log, tasks=worse))


CHECKS = (
    assert_the_previous_release_is_the_old_code,
    assert_no_request_fails_but_those_that_lost_a_race,
    assert_no_acknowledged_write_is_lost,
    assert_tasks_and_users_agree_on_assignments,
    assert_no_id_is_given_twice,
    assert_no_walk_misses_or_repeats_what_existed_throughout_it,
    assert_the_migration_is_complete_and_doctor_finds_nothing,
)
FAULTS = {
    assert_no_acknowledged_write_is_lost: lost_writes,
    assert_no_id_is_given_twice: repeated_ids,
    assert_no_walk_misses_or_repeats_what_existed_throughout_it: wrong_walks,
}
"""Proofs with faults that a check has to notice."""


def test_this_code_replaces_the_previous_release_without_downtime(
    proof: Proof, subtests: pytest.Subtests
) -> None:
    """One test, because its processes would each replace the release anew."""
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(proof)
    for check, break_ in FAULTS.items():
        for broken in break_(proof):
            with subtests.test(f"{check.__name__} notices a fault"), pytest.raises(AssertionError):
                check(broken)
