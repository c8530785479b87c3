"""Requests to the deployed API, with a token of their own."""

import http.client
import itertools
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from billet.cli.errors import DATABASE_ERRORS, one_line
from chalicelib.services import tasks, tokens, users
from chalicelib.services.pagination import Paging

READY_ATTEMPTS = 8
READY_PAUSE_SECONDS = 2.0
"""API Gateway and Lambda may take some seconds until they know a new deployment."""
TIMEOUT_SECONDS = 30.0
MAX_THROTTLES = 3
LONGEST_WINDOW_SECONDS = 60.0
"""API Gateway or the account can have no room for a request."""
TOKEN_LIFE = timedelta(hours=1)
REMOVE_ATTEMPTS = 2
REMOVE_PAUSE_SECONDS = 1.0
"""The lists are eventually consistent."""
MAX_TEXT = 300
"""The part of a response that is shown."""
NAME = "smoke-test"


class SmokeTestFailed(Exception):
    """The deployed API does not work. The text is one line."""


class Reply(NamedTuple):
    """A response of the API."""

    status: int
    text: str
    retry_after: float
    """The seconds after which the API wants to be asked again."""

    @property
    def json(self) -> Any:
        """The body; None if it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


def run(url: str, expected: Mapping[str, Any], *, own_tokens: bool = True) -> None:
    """Send requests to the API, and leave nothing behind.

    Args:
        url: that of the stage.
        expected: what the API's health has to say, for example its version.
        own_tokens: whether the API accepts the tokens of the table `tokens`.

    Raises:
        SmokeTestFailed: a response is not the expected one.
    """
    api = _Api(url)
    _check_health(api, expected)
    api.expect(401, "GET", "/v1/users", token="blt_" + secrets.token_urlsafe(32))
    if own_tokens:
        try:
            _create_and_delete(api, f"{NAME}-{secrets.token_hex(8)}")
        except DATABASE_ERRORS as error:
            raise SmokeTestFailed(f"the database: {one_line(error)}") from error


class _Api:
    """Sends requests to a stage of API Gateway, or to an emulator in its place."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        emulator = os.environ.get("AWS_ENDPOINT_URL")
        self._server: SplitResult = urlsplit(emulator) if emulator else self._url

    def expect(self, status: int, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Send a request and return the JSON of its response.

        Raises:
            SmokeTestFailed: the response has another status.
        """
        reply = self.send(method, path, body, token)
        for _ in range(MAX_THROTTLES):
            if reply.status != 429:
                break
            time.sleep(min(reply.retry_after, LONGEST_WINDOW_SECONDS))
            reply = self.send(method, path, body, token)
        if reply.status != status:
            text = reply.text[:MAX_TEXT]
            raise SmokeTestFailed(f"{method} {path}: {reply.status} in place of {status}: {text}")
        return reply.json

    def send(self, method: str, path: str, body: Any = None, token: str = "") -> Reply:
        """Send a request.

        Raises:
            SmokeTestFailed: there is no response.
        """
        headers = {"Host": self._url.netloc, "Content-Type": "application/json"}
        if method == "DELETE":
            headers["If-Match"] = "*"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        target = self._url.path.rstrip("/") + path
        content = None if body is None else json.dumps(body)
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = kind[self._server.scheme](self._server.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, target, content, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
            return Reply(response.status, text, float(response.getheader("Retry-After", 1)))
        except (OSError, http.client.HTTPException) as error:
            raise SmokeTestFailed(f"{method} {path}: no response ({error!r})") from error
        finally:
            connection.close()


def _check_health(api: _Api, expected: Mapping[str, Any]) -> None:
    """Ask for the API's health until it is the expected one."""
    for attempt in range(READY_ATTEMPTS):
        if attempt:
            time.sleep(READY_PAUSE_SECONDS)
        try:
            found = api.expect(200, "GET", "/v1/health")
            given = found if isinstance(found, dict) else {}
            for name, value in expected.items():
                if given.get(name) != value:
                    raise SmokeTestFailed(f"GET /v1/health: {name} is not {value}: {found}")
        except SmokeTestFailed as error:
            failure = error
        else:
            return
    raise failure


@contextmanager
def _token(name: str) -> Iterator[str]:
    """Create a token for the time of the block."""
    secret, token = tokens.issue(name, "admin", datetime.now(UTC) + TOKEN_LIFE)
    try:
        yield secret
    finally:
        tokens.revoke(token.digest)


def _create_and_delete(api: _Api, name: str) -> None:
    """Create a user and a task, read both, and delete both.

    Each request is one of another principal, so that a quota of one request is enough.

    Args:
        name: that of the user and of the task, which nothing else has.
    """
    numbers = itertools.count(1)

    def expect(status: int, method: str, path: str, body: Any = None) -> Any:
        with _token(f"{name}-{next(numbers)}") as token:
            return api.expect(status, method, path, body, token)

    try:
        user = expect(201, "POST", "/v1/users", {"username": name})
        task = expect(201, "POST", "/v1/tasks", {"name": name})["payload"]
        made = {f"/v1/users/{user['id']}": user, f"/v1/tasks/{task['id']}": task}
        for path, one in made.items():
            found = expect(200, "GET", path)
            if found != one:
                raise SmokeTestFailed(f"GET {path}: returns {found}, and {one} was created")
        for path in reversed(made):
            expect(200, "DELETE", path)
    except BaseException:
        with suppress(*DATABASE_ERRORS):
            _remove(name)
        raise


def _remove(name: str) -> None:
    """Delete the user and the task with a name from the database, whatever the API does.

    They are among the newest, also if the response to their creation was lost.
    """
    for attempt in range(REMOVE_ATTEMPTS):
        if attempt:
            time.sleep(REMOVE_PAUSE_SECONDS)
        for user in users.page(Paging()).items:
            if user.username == name:
                users.delete(user.id)
        for task in tasks.page(Paging()).items:
            if task.name == name:
                tasks.delete(task.id)
