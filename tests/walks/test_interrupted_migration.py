"""A migration that is killed goes on where it stopped; a suspended one is replaced."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from tests.support.servers import zygote_process
from tests.walks.migration import contents
from tests.walks.migration.clients import Load
from tests.walks.migration.fleet import Fleet
from tests.walks.migration.releases import Release

pytestmark = pytest.mark.walk
ROUNDS = int(os.environ.get("MIGRATION_ROUNDS", "1"))
LANES = (1, 4) if ROUNDS > 1 else (1,)
KILLS = {"expand": 2, "backfill": 2, "contract": 8, "verify": 0}
"""The steps, and the least number of kills in each: writes of steps that ran are not made again."""
HOLDING = 3
"""A new process creates the table of migrations and takes the lease in the writes before this."""
KILLED_AT = (4, 5) if ROUNDS > 1 else (4, 5, 8)
"""The writes before which the processes are killed, in turn. Up to four writes of a process are no
progress: two to take over the lease of the process before it, one to confirm the version, one to
give the lease back. So one that is killed before its fourth write makes one step, or none at the
end.
"""
MAX_KILLS = 300
STABLE = 12


class Outcome(NamedTuple):
    """What became of a process."""

    process: int
    status: int | None
    """The exit status, negative for a signal; None if it is suspended."""
    output: str


class Zygote:
    """Runs `billet` commands on a database."""

    def __init__(self, process: "subprocess.Popen[str]", prefix: str) -> None:
        self._process, self.prefix = process, prefix

    def run(self, *arguments: str, at: int = 0, how: str = "") -> Outcome:
        """Run a command until its end, or until it gets a signal before its nth write."""
        environ = {"TABLE_PREFIX": self.prefix}
        return self._ask(environ=environ, arguments=arguments, at=at, signal=how)

    def resume(self, outcome: Outcome) -> Outcome:
        """Let a suspended process go on until its end."""
        return self._ask(resume=outcome.process)

    def on(self, prefix: str) -> "Zygote":
        """Return the same for another database."""
        return Zygote(self._process, prefix)

    def _ask(self, **command: Any) -> Outcome:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return Outcome(*json.loads(self._process.stdout.readline()))


@pytest.fixture(scope="module")
def client(dynamodb_local_endpoint: str) -> Any:
    return boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)


@pytest.fixture(scope="module", params=LANES)
def old_database(
    previous_release: Path, dynamodb_local_endpoint: str, request: pytest.FixtureRequest
) -> str:
    """Return the prefix of tables that the previous release has made and filled."""
    environ = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint,
        "TABLE_PREFIX": f"old-{uuid.uuid4().hex[:12]}",
        "LANES": str(request.param),
        "AUTH": "on",
        "LOG_LEVEL": "ERROR",
    }
    old = Release(previous_release, environ)
    old.run("tables", "create")
    token = ("token", "create", "--name", "ci", "--role", "admin")
    old.run(*token)
    server = old.serve()
    try:
        fleet = Fleet()
        fleet.add(server)
        load = Load(fleet, [old.run(*token, "--expires", "90d")], STABLE)
        assert load.log.failures == []
    finally:
        server.stop(signal.SIGKILL)
    return environ["TABLE_PREFIX"]


@pytest.fixture(scope="module")
def process(dynamodb_local_endpoint: str) -> Iterator["subprocess.Popen[str]"]:
    with zygote_process("tests.walks.migration.zygote", dynamodb_local_endpoint) as process:
        yield process


@pytest.fixture
def zygote(process: "subprocess.Popen[str]", client: Any, old_database: str) -> Zygote:
    """Return what runs commands on a copy of the old database."""
    return Zygote(process, copied(client, old_database))


def copied(client: Any, prefix: str) -> str:
    target = f"copy-{uuid.uuid4().hex[:12]}"
    contents.copy(client, prefix, target)
    return target


def kill_until_done(zygote: Zygote, step: str) -> int:
    """Run a step again and again, and kill it before its nth write; return the number of kills."""
    for kills in range(MAX_KILLS):
        outcome = zygote.run("migrate", step, at=KILLED_AT[kills % len(KILLED_AT)], how="SIGKILL")
        if outcome.status == 0:
            return kills
        assert outcome.status == -signal.SIGKILL, outcome.output
    raise AssertionError(f"{step}: no end after {MAX_KILLS} kills: {outcome.output}")


def test_a_migration_that_is_killed_again_and_again_ends_as_one_that_is_not(
    zygote: Zygote, client: Any, old_database: str
) -> None:
    undisturbed = zygote.on(copied(client, old_database))
    for step in KILLS:
        kills = kill_until_done(zygote, step)
        done = undisturbed.run("migrate", step)
        assert done.status == 0, done.output
        assert kills >= KILLS[step], (step, kills)
    items, expected = (contents.read(client, one.prefix) for one in (zygote, undisturbed))
    for table in expected.keys() | items.keys():
        assert items.get(table) == expected.get(table), table
    assert contents.expiries(client, zygote.prefix) == contents.expiries(client, undisturbed.prefix)
    for one in (zygote, undisturbed):
        assert one.run("migrate", "status").status == 0
        assert "Nothing is broken" in one.run("doctor").output


def test_the_lease_of_a_suspended_run_is_taken_over_and_its_owner_does_no_harm(
    zygote: Zygote,
) -> None:
    first = zygote.run("migrate", "expand", at=HOLDING, how="SIGSTOP")
    assert first.status is None, first.output
    second = zygote.run("migrate", "up")
    assert f"process {first.process} has the lease; waiting" in second.output
    assert second.status == 0, second.output
    resumed = zygote.resume(first)
    assert resumed.status in (0, 1), resumed.output
    assert zygote.run("migrate", "status").status == 0
