"""Each call of each endpoint fails once, and for good, before and after DynamoDB has done it."""

from itertools import product
from typing import Any

import pytest
from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from billet.invariants import findings
from tests.conftest import Api
from tests.faults.injection import FAULTS, Fault, contended, done_and_silent, struck
from tests.filling import add_tasks, add_users

WHOLE = {"name": "mended", "desc": "", "status": "DONE"}
REQUESTS: dict[str, tuple[Any, ...]] = {
    "create a user": ("POST", "/v1/users", {"username": "bob"}),
    "create a task": ("POST", "/v1/tasks", {"name": "new"}),
    "replace a task": ("PUT", "/v1/tasks/{free}", WHOLE),
    "replace an assigned task": ("PUT", "/v1/tasks/{held}", WHOLE),
    "patch a task": ("PATCH", "/v1/tasks/{free}", {"status": "DONE"}),
    "patch an assigned task": ("PATCH", "/v1/tasks/{held}", {"expires_at": "2030-01-01"}),
    "delete a task": ("DELETE", "/v1/tasks/{free}"),
    "delete an assigned task": ("DELETE", "/v1/tasks/{held}"),
    "assign": ("PUT", "/v1/tasks/{free}/assign/user/{idle}"),
    "assign another": ("PUT", "/v1/tasks/{held}/assign/user/{idle}"),
    "unassign": ("PUT", "/v1/tasks/{held}/unassign/user/{busy}"),
    "delete a user": ("DELETE", "/v1/users/{idle}"),
    "delete a user with tasks": ("DELETE", "/v1/users/{busy}"),
    "list tasks": ("GET", "/v1/tasks"),
    "list a user's tasks": ("GET", "/v1/users/{busy}/tasks"),
    "get a task": ("GET", "/v1/tasks/{held}"),
}

ATTACKS = [(fault, False) for fault in FAULTS] + [(fault, True) for fault in FAULTS if fault.lasts]
"""Each fault once; and for good, one of each kind."""


class World:
    """Tables with a user who has a task, a user who has none, and a task that nobody has."""

    def __init__(self, api: Api) -> None:
        self.api = api
        idle, busy = add_users(2)
        [free] = add_tasks(1, name="free")
        [held] = add_tasks(1, name="held", assignees=[busy])
        self.ids = {"idle": idle, "busy": busy, "free": free, "held": held}

    def send(self, method: str, path: str, *body: Any) -> HTTPResponse:
        return self.api(method, path.format_map(self.ids), *body)

    def state(self) -> list[Any]:
        """All that clients see, without the ids of what is new."""
        users = self.api("GET", "/v1/users").json_body
        tasks = self.api("GET", "/v1/tasks").json_body
        lists = [self.api("GET", f"/v1/users/{user['id']}/tasks").json_body for user in users]
        names = {self.ids[name]: name for name in ("idle", "busy")}
        return [
            [names.get(user["id"], user["username"]) for user in users],
            *([self._plain(task, names) for task in listed] for listed in (tasks, *lists)),
        ]

    @staticmethod
    def _plain(task: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
        return task | {"id": 0, "assignees": [names[user] for user in task["assignees"]]}

    def end(self) -> None:
        for task in self.api("GET", "/v1/tasks").json_body:
            self.api("DELETE", f"/v1/tasks/{task['id']}")
        for user in self.api("GET", "/v1/users").json_body:
            self.api("DELETE", f"/v1/users/{user['id']}")


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_whose_call_fails_is_done_or_refused_but_never_half_done(
    api: Api, connection: Connection, request_: tuple[Any, ...]
) -> None:
    world = World(api)
    before = world.state()
    with struck(connection) as calls:
        clean = world.send(*request_)
    assert clean.status_code < 300
    after = world.state()
    world.end()
    for (fault, lasting), position in product(ATTACKS, range(len(calls))):
        world = World(api)
        with struck(connection, fault.strike, at=position, lasting=lasting):
            answer = world.send(*request_)
        assert_right_or_refused(answer, clean, fault, lasting)
        done = answer.status_code == clean.status_code
        states = [after] if done else [before, after] if fault.done else [before]
        assert world.state() in states, (fault.name, position, lasting)
        assert [finding.text for finding in findings()] == [], (fault.name, position, lasting)
        world.end()


def test_a_refusal_does_not_deny_what_an_earlier_try_may_have_done(
    api: Api, connection: Connection
) -> None:
    world = World(api)
    strikes = iter([done_and_silent, contended, contended, contended, contended])
    with struck(connection, lambda request: next(strikes)(request), at=1, lasting=True):
        answer = world.send(*REQUESTS["assign"])
    assert answer.status_code == 503
    assert "look before you repeat" in answer.json_body["detail"]
    assert api("GET", f"/v1/users/{world.ids['idle']}/tasks").json_body != []


def assert_right_or_refused(
    answer: HTTPResponse, clean: HTTPResponse, fault: Fault, lasting: bool
) -> None:
    """What is refused for an instant is tried again; what lasts ends in a clean refusal."""
    wanted = fault.refusal if lasting else clean.status_code
    unsure = fault.unsure and not lasting
    assert answer.status_code == wanted or (unsure and answer.status_code == fault.refusal), fault
    if answer.status_code == fault.refusal:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert fault.refusal != 503 or int(answer.headers["Retry-After"]) > 0
