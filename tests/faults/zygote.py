"""A process of the API that has itself killed, again and again, without being started again.

It reads an order a line, as JSON: the prefix of the tables, a request, its headers, and a number.
A fork of it carries the request out, and is killed with SIGKILL just before it sends its call to
DynamoDB of this number, or at its end where there are fewer. Then it writes how the fork ended.
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


def die_at(number: int, events: Any) -> None:
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
    connection = client.connect()
    events = connection.client.meta.events  # makes the client; a fork only has to connect it
    for line in sys.stdin:
        prefix, (method, path, *body), headers, number = json.loads(line)
        child = os.fork()
        if child == 0:
            client.bind(Settings(table_prefix=prefix), connection)
            shared_state.recent()  # so that the calls counted are those of the request alone
            die_at(number, events)
            carry_out(method, path, json.dumps(*body).encode() if body else b"", headers)
            die()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
