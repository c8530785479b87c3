"""The API is killed between any two calls of a delete that takes several transactions."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pynamodb.connection import Connection

from billet.invariants import findings
from chalicelib import users
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.faults.injection import struck
from tests.filling import add_tasks, add_users

ROOT = Path(__file__).parents[2]
DELETE_AND_DIE = """
import os, signal, sys
from chalicelib import users
from chalicelib.storage import _private
from chalicelib.storage.tables import UserModel

calls = int(sys.argv[2])

def count(**_):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)

events = _private.table_of(UserModel).connection.client.meta.events
events.register(sys.argv[3] + ".dynamodb", count)
users.delete(int(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("moment", "finish"), [("before-send", "delete"), ("response-received", "repair")]
)
def test_a_delete_that_was_killed_leaves_nothing_broken_and_can_be_finished(
    api: Api,
    connection: Connection,
    endpoint: str,
    database: Settings,
    moment: str,
    finish: str,
) -> None:
    others = add_users(48)
    first = someone(others)
    with struck(connection) as calls:
        users.delete(first)
    assert calls.count("TransactWriteItems") >= 3
    for position in range(1, len(calls) + 1):
        user_id = someone(others)
        killed = kill(user_id, position, moment, database, endpoint)
        assert killed == -signal.SIGKILL
        told = [finding.text for finding in findings()]
        assert told in ([], [f"user {user_id} is half deleted"])
        end(api, user_id, finish if told else "delete")
        assert users.get(user_id) is None
        for task in api("GET", "/v1/tasks").json_body:
            assert task["assignees"] == others
            api("DELETE", f"/v1/tasks/{task['id']}")
        assert [finding.text for finding in findings()] == []


def someone(others: Sequence[int]) -> int:
    """A new user, who has with these others more tasks than fit into two transactions."""
    [user_id] = add_users(1)
    add_tasks(3, assignees=[*others, user_id], at_once=1)
    return user_id


def kill(user_id: int, position: int, moment: str, settings: Settings, endpoint: str) -> int:
    """Has another process delete the user, and killed at this call; gives its exit status."""
    return subprocess.run(
        [sys.executable, "-c", DELETE_AND_DIE, str(user_id), str(position), moment],
        cwd=ROOT,
        env={
            **os.environ,
            "TABLE_PREFIX": settings.prefix,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        },
    ).returncode


def end(api: Api, user_id: int, how: str) -> None:
    if how == "delete":
        assert api("DELETE", f"/v1/users/{user_id}").status_code in (200, 404)
        return
    for finding in findings():
        assert finding.mend
        finding.mend()
