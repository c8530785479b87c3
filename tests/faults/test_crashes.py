"""The API is killed with SIGKILL before each of its calls to DynamoDB, and after the last.

What DynamoDB holds after a call is the same whether the API dies when it has the reply or before
the next call, so there is one kill for both.
"""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from pynamodb.connection import Connection

from billet.integrity import findings
from chalicelib.services import users
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import inject_fault
from tests.support.scenarios import CHANGES, Scenario, end_leases, recorded
from tests.support.servers import zygote_process

pytestmark = [pytest.mark.backend("dynamodb-local"), pytest.mark.usefixtures("no_retry_delay")]

Kill = Callable[..., None]


@pytest.fixture(scope="session")
def zygote(dynamodb_local_endpoint: str) -> Iterator[subprocess.Popen[str]]:
    with zygote_process("tests.faults.zygote", dynamodb_local_endpoint) as process:
        yield process


@pytest.fixture
def kill(zygote: subprocess.Popen[str], database: Settings) -> Kill:
    """Return a function that runs a request in a process that is killed at its nth call."""

    def run_and_kill(number: int, *request: Any, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Content-Type": "application/json"}
        print(json.dumps([database.prefix, request, named, number]), file=zygote.stdin, flush=True)
        assert zygote.stdout
        assert int(zygote.stdout.readline()) == -signal.SIGKILL

    return run_and_kill


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with a key"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_killed_write_is_atomic_and_a_keyed_retry_applies_it_once(
    api: Api, connection: Connection, kill: Kill, change: tuple[Any, ...], keyed: bool
) -> None:
    clean, calls, before, after = recorded(api, connection, change, keyed)
    for number in range(1, len(calls) + 2):
        scenario = Scenario(api, keyed)
        kill(number, *scenario.request(*change), **scenario.headers)
        assert scenario.state() in ([after] if number > len(calls) else [before, after]), number
        if keyed:
            end_leases()
            assert scenario.send(*change).status_code == clean.status_code, number
            assert scenario.state() == after, number
    assert [finding.text for finding in findings()] == []


@pytest.mark.walk
def test_a_killed_user_delete_can_be_finished(api: Api, connection: Connection, kill: Kill) -> None:
    others = add_users(48)
    first = user_with_many_tasks(others)
    with inject_fault(connection) as calls:
        api("DELETE", f"/v1/users/{first}", Idempotency_Key=f"key-{first}")
    assert calls.count("TransactWriteItems") >= 3
    for number in range(1, len(calls) + 2):
        user_id = user_with_many_tasks(others)
        kill(number, "DELETE", f"/v1/users/{user_id}", Idempotency_Key=f"key-{user_id}")
        texts = [finding.text for finding in findings()]
        assert texts in ([], [f'users {{"id": {user_id}}}: is half deleted'])
        if texts and number % 2:
            repair()
        else:
            end_leases()
            response = api("DELETE", f"/v1/users/{user_id}", Idempotency_Key=f"key-{user_id}")
            assert response.status_code == 200
        assert users.get(user_id) is None
        for task in api("GET", "/v1/tasks").json_body:
            assert task["assignees"] == others
            api("DELETE", f"/v1/tasks/{task['id']}")
        assert [finding.text for finding in findings()] == []


def user_with_many_tasks(others: Sequence[int]) -> int:
    """Create a user who shares more tasks with these users than fit into two transactions."""
    [user_id] = add_users(1)
    add_tasks(3, assignees=[*others, user_id], at_once=1)
    return user_id


def repair() -> None:
    for finding in findings():
        finding.repair()
