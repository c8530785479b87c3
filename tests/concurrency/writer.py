"""A writing server with its own LANES, which test_lanes runs as a process.

It prints a JSON line for each acknowledged write: ["tasks", 7], ["users", 3], ["DONE", 7], and
["refused", …] for each rejected one.
"""

import json
import sys
import time

from chalicelib.domain.errors import BilletError
from chalicelib.domain.task import TaskFields, TaskUpdate
from chalicelib.dynamodb import client, lanes, shared_state
from chalicelib.services import tasks, users
from chalicelib.settings import Settings


def say(kind: str, what: int | str) -> None:
    sys.stdout.write(json.dumps([kind, what]) + "\n")
    sys.stdout.flush()


def work(name: str, count: int) -> None:
    """Create, edit and finish tasks, and create users."""
    for number in range(count):
        if number == count // 2:
            time.sleep(lanes.WAIT_SECONDS)  # from now on it uses its own lanes
        try:
            task = tasks.create(
                TaskFields(name=name, desc="", status="PENDING", expires_at=None)
            ).task
            say("tasks", task.id)
            tasks.update(task.id, TaskUpdate(expires_at=f"2030-01-{1 + number % 28:02d}"))
            if number % 3 == 0:
                tasks.update(task.id, TaskUpdate(status="DONE"))
                say("DONE", task.id)
            if number % 4 == 0:
                say("users", users.create(f"{name} {number}").id)
        except BilletError as error:
            say("refused", repr(error))


if __name__ == "__main__":
    prefix, number, name, count, wait, fresh = sys.argv[1:]
    client.READ_TIMEOUT = 15.0  # the machine may be busy
    lanes.WAIT_SECONDS, shared_state.FRESH_SECONDS = float(wait), float(fresh)
    client.bind(Settings(table_prefix=prefix, lanes=int(number)))
    work(name, int(count))
