"""Requests and data for the fault injection tests."""

import time
from typing import Any

from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from chalicelib.domain.task import Task
from chalicelib.dynamodb import clock, counters, task_writes, user_writes
from chalicelib.dynamodb.models import IdempotencyModel
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api
from tests.support.bulk_data import add_users, age_reply
from tests.support.injection import inject_fault

FULL_TASK = {"name": "edited", "desc": "", "status": "DONE"}
CHANGES: dict[str, tuple[Any, ...]] = {
    "create a user": ("POST", "/v1/users", {"username": "bob {idle}"}),
    "create a task": ("POST", "/v1/tasks", {"name": "new"}),
    "replace a task": ("PUT", "/v1/tasks/{free}", FULL_TASK),
    "replace an assigned task": ("PUT", "/v1/tasks/{held}", FULL_TASK),
    "patch a task": ("PATCH", "/v1/tasks/{free}", {"status": "DONE"}),
    "patch an assigned task": ("PATCH", "/v1/tasks/{held}", {"expires_at": "2030-01-01"}),
    "set the assignees": ("PATCH", "/v1/tasks/{held}", {"assignees": ["{idle}"]}),
    "delete a task": ("DELETE", "/v1/tasks/{free}"),
    "delete an assigned task": ("DELETE", "/v1/tasks/{held}"),
    "assign": ("PUT", "/v1/tasks/{free}/assign/user/{idle}"),
    "assign another": ("PUT", "/v1/tasks/{held}/assign/user/{idle}"),
    "assign again": ("PUT", "/v1/tasks/{held}/assign/user/{busy}"),
    "unassign": ("PUT", "/v1/tasks/{held}/unassign/user/{busy}"),
    "create a feed": ("POST", "/v1/users/{idle}/feed"),
    "revoke a feed": ("DELETE", "/v1/users/{idle}/feed"),
    "rename a user": ("PATCH", "/v1/users/{busy}", {"username": "bob {idle}"}),
    "change several tasks": (
        "POST",
        "/v1/tasks/batch",
        {
            "operations": [
                {"op": "create", "task": {"name": "new", "assignees": ["{idle}"]}},
                {"op": "patch", "id": "{free}", "task": {"status": "DONE"}},
                {"op": "assign", "id": "{held}", "user": "{idle}"},
            ]
        },
    ),
    "delete a user": ("DELETE", "/v1/users/{idle}"),
    "delete a user with tasks": ("DELETE", "/v1/users/{busy}"),
}
SECRET = CHANGES["create a feed"]
"""The response has a secret, so it is not stored: a repeat creates another feed."""
READS: dict[str, tuple[Any, ...]] = {
    "list users": ("GET", "/v1/users"),
    "find a user": ("GET", "/v1/users?username=user{busy}"),
    "get a user": ("GET", "/v1/users/{busy}"),
    "list tasks": ("GET", "/v1/tasks"),
    "get a task": ("GET", "/v1/tasks/{held}"),
    "list a user's tasks": ("GET", "/v1/users/{busy}/tasks"),
    "list no tasks of a user": ("GET", "/v1/users/{idle}/tasks"),
    "get a user's feed": ("GET", "/v1/users/{busy}/tasks.ics"),
    "ask for the health": ("GET", "/v1/health"),
}


class Scenario:
    """A user with a task, a user without tasks, and an unassigned task, among others."""

    def __init__(self, api: Api, keyed: bool = False) -> None:
        self.api = api
        idle, busy = add_users(2)
        free, held = _free_and_assigned_tasks(busy)
        self.ids = {"idle": idle, "busy": busy, "free": free, "held": held}
        self.headers = {"Idempotency_Key": f"key-{idle}"} if keyed else {}

    def request(self, *request: Any) -> tuple[Any, ...]:
        """Return the request with the ids of this scenario."""
        return tuple(map(self._named, request))

    def _named(self, part: Any) -> Any:
        """Return a part of a request with its ids: `"{idle}"` becomes a number."""
        if isinstance(part, dict):
            return {name: self._named(one) for name, one in part.items()}
        if isinstance(part, list):
            return [self._named(one) for one in part]
        return self.ids.get(part[1:-1], part.format_map(self.ids))

    def send(self, *request: Any) -> HTTPResponse:
        """Send the request, with the key of this scenario if it has one."""
        return self.api(*self.request(*request), **self.headers)

    def state(self) -> list[Any]:
        """Return the state of this scenario that clients see, without the ids of new items."""
        users = [one for one in self._newest("users") if one["id"] >= self.ids["idle"]]
        tasks = [one for one in self._newest("tasks") if one["id"] >= self.ids["free"]]
        lists = [self.api("GET", f"/v1/users/{user['id']}/tasks").json_body for user in users]
        names = {self.ids[name]: name for name in ("idle", "busy")}
        return [
            [names.get(user["id"], "new") for user in users],
            *([self._plain(task, names) for task in listed] for listed in (tasks, *lists)),
        ]

    def _newest(self, kind: str) -> list[Any]:
        """Return more items than this scenario can have."""
        listed: list[Any] = self.api("GET", f"/v1/{kind}?page_size=5").json_body
        return listed

    @staticmethod
    def _plain(task: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
        assignees = [names[user] for user in task["assignees"]]
        return task | {"id": 0, "updated_at": "", "assignees": assignees}


def _free_and_assigned_tasks(user_id: int) -> list[int]:
    """Create an unassigned task and one assigned to the user."""
    free, held = counters.allocate_ids("tasks", 2)
    change = Transaction()
    user_writes.increment_assignment_count(change, user_id)
    for ident, assignees in ((free, ()), (held, (user_id,))):
        task_writes.create_task(
            change,
            Task(
                id=ident,
                name="plan",
                desc="",
                status="PENDING",
                expires_at=None,
                created_at=clock.now(),
                assignees=assignees,
            ),
        )
    change.commit()
    return [free, held]


def until_available(api: Api, *request: Any) -> HTTPResponse:
    """Return the first response that is not 503: a busy machine may exceed short timeouts."""
    end = time.monotonic() + 120
    while (response := api(*request)).status_code == 503 and time.monotonic() < end:
        pass
    return response


def end_leases() -> None:
    """Expire the leases of idempotency keys, as after half a minute."""
    for item in IdempotencyModel.scan(IdempotencyModel.lease > 0):
        age_reply(item, lease=0)


def recorded(
    api: Api, connection: Connection, request: tuple[Any, ...], keyed: bool = False
) -> tuple[HTTPResponse, list[str], list[Any], list[Any]]:
    """Return the response without faults, its calls, and the state before and after."""
    scenario = Scenario(api, keyed)
    before = scenario.state()
    with inject_fault(connection) as calls:
        clean = scenario.send(*request)
    assert clean.status_code < 300
    return clean, calls, before, scenario.state()
