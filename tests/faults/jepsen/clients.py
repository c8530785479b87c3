"""HTTP clients that run every kind of operation and record a history."""

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from tests.faults.jepsen.history import Op, Outcome
from tests.faults.jepsen.system import System

CLIENTS = 16
WALKERS = 4
STABLE = 12
ASSIGNABLE_COUNT = 4
UP_SECONDS = 120
TRIES = 3

NEXT = re.compile(r'<[^?]*(\?.+)>; rel="next"')


class Reply(NamedTuple):
    status: int
    headers: Any
    body: Any

    @property
    def outcome(self) -> Outcome:
        """Return the outcome. A 409 is unknown: it may refer to an earlier attempt."""
        if self.status < 300:
            return "ok"
        return "unknown" if self.status >= 500 or self.status == 409 else "fail"


NO_RESPONSE = Reply(599, {}, None)
"""There was no response."""


class Shared(NamedTuple):
    """The tasks that all clients use."""

    swapped: int
    """The task that is updated with If-Match."""
    assignable: list[int]
    """Tasks that each client assigns to its own user and unassigns."""
    stable: list[int]
    """Tasks that no client changes."""


class Client:
    """A client that sends one request at a time; after a failure it waits for the system."""

    def __init__(self, system: System, number: int) -> None:
        self._system = system
        self._connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=60)
        self._number = number
        self._random = random.Random(number)  # noqa: S311
        self.history: list[Op] = []

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        text = "" if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, text, named)
            response = self._connection.getresponse()
            reply = Reply(response.status, response.headers, json.loads(response.read()))
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            reply = NO_RESPONSE
        if reply.status >= 500:
            assert self._system.up.wait(UP_SECONDS)
        return reply

    def made(self, path: str, body: Any) -> int:
        """Create something while the system is up and return its id."""
        reply = self.send("POST", path, body)
        return int(reply.headers["Location"].rpartition("/")[2])

    def until_known(self, *request: Any, **headers: str) -> Reply:
        """Repeat the request while its outcome is unknown, a limited number of times."""
        for _ in range(TRIES):
            reply = self.send(*request, **headers)
            if reply.outcome != "unknown":
                break
        return reply

    def note(self, kind: str, argument: Any, act: Callable[[], tuple[Reply, Any]]) -> Any:
        """Add an operation to the history; return its result, or None if it was not done."""
        start = time.monotonic()
        reply, result = act()
        result = result if reply.outcome == "ok" else None
        self.history.append(Op(kind, start, time.monotonic(), reply.outcome, argument, result))
        return result

    def work(
        self, shared: Shared, user: int, mine: int, rounds: int, done: Callable[[], Any]
    ) -> None:
        """Run each kind of operation once per round, in random order.

        Args:
            user: the user of this client, to whom it assigns the task.
            mine: a task that only this client changes.
            done: is called after each round.
        """
        assignable = shared.assignable[self._number % len(shared.assignable)]
        for number in range(rounds):
            steps: list[Callable[[], Any]] = [
                partial(self._create, f"new {self._number}.{number}"),
                partial(self._swap, shared.swapped, f"swap {self._number}.{number}"),
                partial(self._assign, assignable, user, "unassign" if number % 2 else "assign"),
                partial(self.send, "PATCH", f"/v1/tasks/{mine}", {"expires_at": self._date()}),
            ]
            if self._number < WALKERS:
                steps.append(partial(self.note, "walk", None, self._walk))
            self._random.shuffle(steps)
            for step in steps:
                step()
            done()
        self.close()

    def close(self) -> None:
        self._connection.close()

    def _create(self, name: str) -> None:
        def act() -> tuple[Reply, Any]:
            reply = self.until_known("POST", "/v1/tasks", {"name": name}, Idempotency_Key=name[4:])
            return reply, reply.outcome == "ok" and reply.body["payload"]["id"]

        self.note("create", name, act)

    def _swap(self, task: int, name: str) -> None:
        def read() -> tuple[Reply, Any]:
            reply = self.send("GET", f"/v1/tasks/{task}")
            return reply, reply.outcome == "ok" and (_version(reply), reply.body["name"])

        def swap() -> tuple[Reply, Any]:
            tag = f'"{found[0]}"'
            reply = self.send("PATCH", f"/v1/tasks/{task}", {"name": name}, If_Match=tag)
            return reply, reply.outcome == "ok" and _version(reply)

        if found := self.note("read", None, read):
            self.note("swap", (found[0], name), swap)

    def _assign(self, task: int, user: int, verb: str) -> None:
        def act() -> tuple[Reply, Any]:
            return self.until_known("PUT", f"/v1/tasks/{task}/{verb}/user/{user}"), None

        self.note(verb, (task, user), act)

    def _walk(self) -> tuple[Reply, Any]:
        reply, tasks = self.walk()
        return reply, [task["id"] for task in tasks]

    def walk(self) -> tuple[Reply, list[Any]]:
        """Read all tasks by deadline until a request fails; return the last response and tasks."""
        seen: list[Any] = []
        query = "?sort=expires_at&page_size=15"
        while True:
            reply = self.until_known("GET", f"/v1/tasks{query}")
            if reply.outcome != "ok":
                return reply, seen
            seen += reply.body
            following = NEXT.search(reply.headers.get("Link", ""))
            if not following:
                return reply, seen
            query = following[1]

    def _date(self) -> str:
        return f"2030-01-{self._random.randint(1, 28):02}"


def _version(reply: Reply) -> int:
    return int(reply.headers["ETag"].strip('"'))


def run(system: System, rounds: int, faults: list[Callable[[], None]]) -> tuple[Shared, list[Op]]:
    """Run all clients, and inject each fault after its share of the work."""
    clients = [Client(system, number) for number in range(CLIENTS)]
    first = clients[0]
    task = {"name": "first", "expires_at": "2030-01-15"}
    stable = [first.made("/v1/tasks", task) for _ in range(STABLE)]
    assignable = [first.made("/v1/tasks", task) for _ in range(ASSIGNABLE_COUNT)]
    shared = Shared(first.made("/v1/tasks", task), assignable, stable)
    users = [first.made("/v1/users", {"username": f"user {n}"}) for n in range(CLIENTS)]
    own = [first.made("/v1/tasks", task) for _ in range(CLIENTS)]
    progress = threading.Semaphore(0)
    with ThreadPoolExecutor(CLIENTS) as pool:
        works = [
            pool.submit(client.work, shared, user, mine, rounds, progress.release)
            for client, user, mine in zip(clients, users, own, strict=True)
        ]
        for fault in faults:
            for _ in range(CLIENTS * rounds // (len(faults) + 1)):
                assert progress.acquire(timeout=UP_SECONDS)
            fault()
        for work in works:
            work.result()
    return shared, [op for client in clients for op in client.history]
