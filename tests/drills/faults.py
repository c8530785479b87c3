"""The faults of the drills: what each does to the database, the app or the clients."""

import random
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from tests.drills.load import EXPORT, MIXED, Requests
from tests.faults.proxy import Ask, Way, relay, resetting, throttling

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
SLOW_SECONDS = 0.12
HOT_TASK = 1
HOT_WRITES_PER_SECOND = 3.0
"""What the partition of the hot task can take. DynamoDB's limit is 1,000."""
_HOT = re.compile(rb'"(?:Update|Put|Delete)".*"id": ?\{"N": ?"1"\}|"id": ?\{"N": ?"1"\}.*"Update')


@dataclass(frozen=True)
class Fault:
    """A fault. By default everything is healthy."""

    cause: str = ""
    """The kind that `billet top` names."""
    way: Way = relay
    """How the proxy handles calls to the database."""
    app_folder: Path = ROOT
    """The folder with the app."""
    requests: Requests = MIXED
    """What the clients send."""
    tasks: int = 300
    rate: float = 20.0
    """Requests a second."""
    options: tuple[str, ...] = ()
    """Further options of `billet serve`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of the server."""


def slow(ask: Ask, connection: socket) -> None:
    """Pass the reply on late."""
    reply = ask()
    time.sleep(SLOW_SECONDS)
    connection.sendall(reply)


def slow_index(ask: Ask, connection: socket) -> None:
    """Pass the replies to queries of an index on late."""
    (slow if b"IndexName" in ask.args[0] else relay)(ask, connection)


def failing(ask: Ask, connection: socket) -> None:
    """Break every sixth connection instead of the reply."""
    (resetting if random.random() < 1 / 6 else relay)(ask, connection)  # noqa: S311


class HotPartition:
    """Throttles the writes of one task, as DynamoDB does if its partition is at its limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0

    def __call__(self, ask: Ask, connection: socket) -> None:
        is_hot = b"TransactWriteItems" in ask.args[0] or b"UpdateItem" in ask.args[0]
        if is_hot and _HOT.search(ask.args[0]) and not self._admit():
            throttling(ask, connection)
        else:
            relay(ask, connection)

    def _admit(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + 1 / HOT_WRITES_PER_SECOND
            return True


_TO_THE_HOT_TASK: Requests = (
    (30, EXPORT, "PATCH", f"/v1/tasks/{HOT_TASK}", {"desc": "export {n}"}),
)
FIVE = ("slow-database", "hot-key", "leak", "cpu", "offset")
"""One of them is the random fault."""
FAULTS = {
    "none": Fault(),
    "slow-database": Fault("slow-database", way=slow),
    "hot-key": Fault("throttling", way=HotPartition(), requests=(*MIXED, *_TO_THE_HOT_TASK)),
    "leak": Fault("memory-growth", app_folder=FOLDER / "leak"),
    "cpu": Fault("cpu", app_folder=FOLDER / "cpu"),
    "offset": Fault(
        "far-offset",
        requests=(*MIXED, (5, EXPORT, "GET", "/v1/tasks?offset=8000&page_size=100", None)),
        tasks=8_200,
    ),
    "slow-query": Fault("slow-query", way=slow_index),
    "full-server": Fault("full-server", rate=600.0, options=("--at-once", "2")),
    "errors": Fault("errors", way=failing),
    "limited-clients": Fault("limited-clients", settings={"RATE_QUOTA": "600"}),
    "conflicts": Fault(
        "conflicts",
        requests=(
            *MIXED,
            (150, EXPORT, "PATCH", f"/v1/tasks/{HOT_TASK}", {"desc": "export {n}"}),
            (150, EXPORT, "PUT", f"/v1/tasks/{HOT_TASK}/assign/user/{{user}}", None),
            (150, EXPORT, "PUT", f"/v1/tasks/{HOT_TASK}/unassign/user/{{user}}", None),
        ),
    ),
}
