"""A process that runs requests in forks and kills them, without starting Python each time.

It reads one JSON line per request: the table prefix, the request, its headers and a number n.
A fork runs the request and is killed with SIGKILL just before its nth call to DynamoDB, or at its
end if it makes fewer calls. Then the process prints the exit status of the fork.
"""

import json
import os
import signal
import sys
from typing import Any

from chalice.test import Client

from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import client, shared_state
from chalicelib.settings import Settings


def die(**_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_call(number: int, events: Any) -> None:
    left = number

    def count(**_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()

    events.register("before-send.dynamodb", count)


def carry_out(method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
    with Client(BilletApp(Settings()), stage_name="local") as api:
        api.http.request(method, path, headers, body)


def main() -> None:
    client.READ_TIMEOUT = 15.0  # also on a busy machine, each call is sent once
    shared_state.FRESH_SECONDS = 3600.0  # and the item is read before the request only
    connection = client.connect()
    events = connection.client.meta.events  # creates the client; a fork only has to connect
    for line in sys.stdin:
        prefix, (method, path, *body), headers, number = json.loads(line)
        child = os.fork()
        if child == 0:
            client.bind(Settings(table_prefix=prefix), connection)
            shared_state.recent()  # so that only the calls of the request are counted
            kill_at_call(number, events)
            carry_out(method, path, json.dumps(*body).encode() if body else b"", headers)
            die()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
