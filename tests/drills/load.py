"""Mixed requests at a bounded rate."""

import itertools
import random
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

APP, EXPORT = "app", "export"
"""The names of the clients' tokens."""
Requests = tuple[tuple[int, str, str, str, Any], ...]
"""Weight, client, method, path and body of each kind of request."""
MIXED: Requests = (
    (40, APP, "GET", "/v1/tasks/{task}", None),
    (20, APP, "GET", "/v1/tasks?page_size=20", None),
    (10, APP, "GET", "/v1/users/{user}/tasks?page_size=20", None),
    (10, APP, "POST", "/v1/tasks", {"name": "task {n}"}),
    (15, APP, "PATCH", "/v1/tasks/{task}", {"desc": "changed {n}"}),
    (5, APP, "PUT", "/v1/tasks/{task}/assign/user/{user}", None),
)
CONNECTIONS = 16
USERS = 20


class Load:
    """Sends requests until `stop`, at most so many a second, over CONNECTIONS connections."""

    def __init__(
        self, url: str, tokens: Mapping[str, str], requests: Requests, tasks: int, rate: float
    ) -> None:
        self._url, self._tokens, self._requests, self._tasks = url, tokens, requests, tasks
        self._rate = rate
        self._began = time.monotonic()
        self._numbers = itertools.count()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CONNECTIONS)]
        self.unanswered = 0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._stopped.is_set():
                number = next(self._numbers)
                due = self._began + number / self._rate
                if self._stopped.wait(max(0.0, due - time.monotonic())):
                    return
                try:
                    self._send(client, number)
                except httpx.HTTPError:
                    self.unanswered += 1

    def _send(self, client: httpx.Client, number: int) -> None:
        weights = [one[0] for one in self._requests]
        [(_, name, method, path, body)] = random.choices(self._requests, weights)  # noqa: S311
        task = random.randint(2, self._tasks)  # noqa: S311
        user = random.randint(1, USERS)  # noqa: S311
        text = {key: value.format(n=number) for key, value in (body or {}).items()}
        client.request(
            method,
            path.format(task=task, user=user),
            headers={"Authorization": f"Bearer {self._tokens[name]}"},
            json=text or None,
        )
