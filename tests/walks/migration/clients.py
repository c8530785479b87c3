"""Clients that use every kind of endpoint during a migration, and record histories.

Unlike the clients of `tests.faults.jepsen`, they expect each request to succeed.
"""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.faults.jepsen.clients import NEXT, NO_RESPONSE, Reply
from tests.faults.jepsen.history import Op
from tests.walks.migration.fleet import Fleet

CLIENTS = 16
ASSIGNABLE_COUNT = 4
STABLE = 36
"""How many tasks no client changes, unless a test says another number."""
REQUEST_SECONDS = 60
ROUND_SECONDS = 240
TRIES = 5
LOST_RACE, CHANGED = 409, 412
DATES = ("9999-12-31", None, "2030-01-15")
"""The last day sorts before tasks without a date. The previous release mixes the two."""
USERNAMES = ("plain {}", "\ufb01nn \u2167 {}", "\u1f80\u0301 {}", "STRA\u1e9eE {}")
"""Names with other normalized forms: NFKC, Unicode case, U+0345 between combining marks."""
TASK_WALKS = ("/v1/tasks", "/v1/tasks?order=asc")
STABLE_WALKS = (
    "/v1/tasks?sort=expires_at",
    "/v1/tasks?sort=expires_at&order=desc",
    "/v1/tasks?status=PENDING",
    "/v1/tasks?status=PENDING&sort=expires_at",
)
USER_WALKS = ("/v1/users",)
ASSIGNED_QUERIES = ("", "?sort=expires_at", "?status=PENDING", "?status=PENDING&sort=expires_at")
PAGE_SIZES = (15, 40, 100)


@dataclass
class Shared:
    """What all clients use."""

    swapped: int
    """The task that is updated with If-Match."""
    assignable: list[int]
    """Tasks that each client assigns to its own user and unassigns."""
    stable: list[int]
    """Tasks that no client changes."""
    last_day: set[int]
    """Those of them that are due on the last day."""
    owner: int
    """The user to whom all stable tasks are assigned that have an even position."""


@dataclass
class Log:
    """What a client did, or all clients."""

    tasks: list[Op] = field(default_factory=list)
    users: list[Op] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Responses that the API does not document for such a request."""
    statuses: Counter[int] = field(default_factory=Counter)


class Client:
    """A client that sends one request at a time, each to any server of the fleet."""

    def __init__(self, fleet: Fleet, token: str, number: int) -> None:
        self._fleet = fleet
        self._authorization = f"Bearer {token}"
        self._number = number
        self._random = random.Random(number)  # noqa: S311
        self.log = Log()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request, and record a response that is not allowed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Authorization": self._authorization, "Content-Type": "application/json"}
        phase = self._fleet.phase
        with self._fleet.choose(self._random) as port:
            reply = self._exchange(port, method, path, json.dumps(body) if body else "", named)
        self.log.statuses[reply.status] += 1
        allowed = {LOST_RACE, CHANGED} if "If_Match" in headers else {LOST_RACE}
        if reply.status >= 300 and reply.status not in allowed:
            self.log.failures.append(f"{phase}: {method} {path}: {reply.status} {reply.body}")
        return reply

    def until_known(self, *request: Any, **headers: str) -> Reply:
        """Repeat the request while other clients interfere, a limited number of times."""
        for _ in range(TRIES):
            reply = self.send(*request, **headers)
            if reply.status != LOST_RACE:
                break
        return reply

    def create(self, path: str, body: Any, name: str) -> int | None:
        """Create a task or a user, and send the same request again with the same key.

        Returns:
            The id, or None if it was not created.
        """
        log = self.log.users if path == "/v1/users" else self.log.tasks
        key = {"Idempotency_Key": f'"{name.encode("ascii", "replace").decode()}"'}
        with self._noting(log, "create", name) as note:
            reply = note(self.until_known("POST", path, body, **key))
            ident = _made(reply)
            note.result = ident
        again = self.until_known("POST", path, body, **key)
        if _made(again) != ident:
            self.log.failures.append(f"{path}: key used for {ident} and for {_made(again)}")
        return ident

    def delete(self, path: str, ident: int, name: str) -> None:
        log = self.log.users if path == "/v1/users" else self.log.tasks
        with self._noting(log, "delete", (ident, name)) as note:
            note(self.until_known("DELETE", f"{path}/{ident}"))

    def walk(self, path: str) -> list[Any]:
        """Read all pages of a list."""
        seen: list[Any] = []
        log = self.log.users if path in USER_WALKS else self.log.tasks
        with self._noting(log, "walk", path) as note:
            size = self._random.choice(PAGE_SIZES)
            query = f"{path}{'&' if '?' in path else '?'}page_size={size}"
            while query:
                reply = note(self.send("GET", query))
                seen += reply.body if reply.outcome == "ok" else []
                following = NEXT.search(reply.headers.get("Link", ""))
                query = path.partition("?")[0] + following[1] if following else ""
            note.result = [one["id"] for one in seen]
        return seen

    def work(
        self, shared: Shared, user: int, mine: int, stop: threading.Event, done: Callable[[], Any]
    ) -> None:
        """Run each kind of operation once per round, in random order, until `stop` is set.

        Args:
            user: the user of this client, to whom it assigns a task.
            mine: a task that only this client changes.
            done: is called after each round.
        """
        assignable = shared.assignable[self._number % len(shared.assignable)]
        walks = self._walks(shared)
        number = 0
        while not stop.is_set():
            name = f"{self._number}.{number}"
            steps: list[Callable[[], Any]] = [
                partial(self._create_task, f"new {name}"),
                partial(self._create_and_delete_task, f"gone {name}"),
                partial(self._create_and_delete_user, USERNAMES[number % 4].format(name)),
                partial(self._swap, shared.swapped, f"swap {name}"),
                partial(self._assign, assignable, user, "unassign" if number % 2 else "assign"),
                partial(self._put, mine, number),
                partial(self.walk, walks[(self._number + number) % len(walks)]),
                partial(self.send, "GET", f"/v1/users/{user}/tasks?sort=expires_at"),
            ]
            self._random.shuffle(steps)
            for step in steps:
                step()
            number += 1
            done()

    @staticmethod
    def _walks(shared: Shared) -> Sequence[str]:
        assigned = [f"/v1/users/{shared.owner}/tasks{query}" for query in ASSIGNED_QUERIES]
        return [*TASK_WALKS, *STABLE_WALKS, *USER_WALKS, *assigned]

    def _create_task(self, name: str) -> int | None:
        return self.create(
            "/v1/tasks", {"name": name, "expires_at": self._random.choice(DATES)}, name
        )

    def _create_and_delete_task(self, name: str) -> None:
        if ident := self._create_task(name):
            self.delete("/v1/tasks", ident, name)

    def _create_and_delete_user(self, name: str) -> None:
        if ident := self.create("/v1/users", {"username": name}, name):
            self.delete("/v1/users", ident, name)

    def _swap(self, task: int, name: str) -> None:
        with self._noting(self.log.tasks, "read", None) as note:
            reply = note(self.send("GET", f"/v1/tasks/{task}"))
            if reply.outcome != "ok":
                return
            note.result = found = (_version(reply), reply.body["name"])
        with self._noting(self.log.tasks, "swap", (found[0], name)) as note:
            tag = f'"{found[0]}"'
            reply = note(self.send("PATCH", f"/v1/tasks/{task}", {"name": name}, If_Match=tag))
            note.result = _version(reply) if reply.outcome == "ok" else None

    def _assign(self, task: int, user: int, verb: str) -> None:
        with self._noting(self.log.tasks, verb, (task, user)) as note:
            note(self.until_known("PUT", f"/v1/tasks/{task}/{verb}/user/{user}"))

    def _put(self, task: int, number: int) -> None:
        body = {
            "desc": str(number),
            "expires_at": DATES[number % 3],
            "status": ("PENDING", "DONE")[number % 2],
        }
        with self._noting(self.log.tasks, "put", (task, body)) as note:
            note(self.until_known("PATCH", f"/v1/tasks/{task}", body))

    @contextmanager
    def _noting(self, log: list[Op], kind: str, argument: Any) -> Iterator["_Note"]:
        note, start = _Note(), time.monotonic()
        yield note
        result = note.result if note.outcome == "ok" else None
        log.append(Op(kind, start, time.monotonic(), note.outcome, argument, result))

    def _exchange(self, port: int, method: str, path: str, text: str, headers: Any) -> Reply:
        """Send a request over a connection of its own: a server closes one that is idle."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
        with closing(connection):
            try:
                connection.request(method, path, text, headers)
                response = connection.getresponse()
                return Reply(response.status, response.headers, json.loads(response.read()))
            except (OSError, http.client.HTTPException, ValueError) as error:
                return NO_RESPONSE._replace(body=repr(error))


class _Note:
    """The outcome and the result of an operation, as far as it has got."""

    def __init__(self) -> None:
        self.outcome: Any = "ok"
        self.result: Any = None

    def __call__(self, reply: Reply) -> Reply:
        """Note a response; the worst one counts."""
        if reply.outcome != "ok":
            self.outcome = reply.outcome
        return reply


def _version(reply: Reply) -> int:
    return int(reply.headers["ETag"].strip('"'))


def _made(reply: Reply) -> int | None:
    if reply.outcome != "ok":
        return None
    ident: int = reply.body.get("payload", reply.body)["id"]
    return ident


class Load:
    """All clients at work. `await_rounds` waits for their progress."""

    def __init__(self, fleet: Fleet, tokens: Sequence[str], stable: int = STABLE) -> None:
        self.clients = [
            Client(fleet, tokens[number % len(tokens)], number) for number in range(CLIENTS)
        ]
        self._progress = threading.Semaphore(0)
        self._stop = threading.Event()
        self.shared, self._users, self._own = self._prepare(stable)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the clients within the block."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            try:
                works = [
                    pool.submit(
                        client.work, self.shared, user, mine, self._stop, self._progress.release
                    )
                    for client, user, mine in zip(self.clients, self._users, self._own, strict=True)
                ]
                yield
            finally:
                self._stop.set()
            for work in works:
                work.result()

    def await_rounds(self, count: int) -> None:
        """Wait until the clients have done so many more rounds, on average."""
        while self._progress.acquire(blocking=False):
            pass
        for _ in range(CLIENTS * count):
            assert self._progress.acquire(timeout=ROUND_SECONDS)

    @property
    def log(self) -> Log:
        """Return what all clients did."""
        logs = [client.log for client in self.clients]
        return Log(
            [op for log in logs for op in log.tasks],
            [op for log in logs for op in log.users],
            [failure for log in logs for failure in log.failures],
            sum((log.statuses for log in logs), Counter()),
        )

    def _prepare(self, stable_count: int) -> tuple[Shared, list[int], list[int]]:
        first = self.clients[0]

        def task(name: str, date: str | None = None) -> int:
            ident = first.create("/v1/tasks", {"name": name, "expires_at": date}, name)
            assert ident, first.log.failures
            return ident

        def user(name: str) -> int:
            ident = first.create("/v1/users", {"username": name}, name)
            assert ident, first.log.failures
            return ident

        users = [user(USERNAMES[n % 4].format(f"of {n}")) for n in range(CLIENTS)]
        stable = [task(f"stable {n}", DATES[n % 3]) for n in range(stable_count)]
        for ident in stable[::2]:
            for owner in users[:2]:
                first.send("PUT", f"/v1/tasks/{ident}/assign/user/{owner}")
        shared = Shared(
            task("swapped"),
            [task(f"assignable {n}", DATES[n % 3]) for n in range(ASSIGNABLE_COUNT)],
            stable,
            set(stable[::3]),
            users[0],
        )
        return shared, users, [task(f"own {n}") for n in range(CLIENTS)]
