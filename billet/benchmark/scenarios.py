"""The API requests that the benchmarks measure, sent to the app in this process as Lambda does."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

import app
from billet.benchmark.timing import Workload

TASK_BODY = {
    "name": "Plan the work of week 00000001",
    "desc": "What is to be done.",
    "status": "PENDING",
}
TASK, USER = "/v1/tasks/{task_id}", "/v1/users/{user_id}"
_username_numbers = itertools.count(1)


class _LambdaContext:
    aws_request_id = "bench"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 28_000


def invoke(
    method: str,
    resource: str,
    body: Any = None,
    ids: Mapping[str, int] | None = None,
    query: Mapping[str, object] | None = None,
) -> Any:
    """Call the app with an API Gateway event.

    Args:
        resource: the path template, for example "/v1/tasks/{task_id}".
        ids: the values of the template's parameters.

    Returns:
        The decoded JSON body of the response; None if it is not JSON.

    Raises:
        RuntimeError: the status is 300 or higher.
    """
    parameters = {name: str(value) for name, value in (ids or {}).items()}
    event = {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": resource.format_map(parameters),
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "headers": {"content-type": "application/json"},
        "pathParameters": parameters,
        "stageVariables": {},
        "multiValueQueryStringParameters": {k: [str(v)] for k, v in (query or {}).items()},
        "body": None if body is None else json.dumps(body),
    }
    response = app.app(event, _LambdaContext())
    if response["statusCode"] >= 300:
        raise RuntimeError(f"{method} {resource}: {response['body']}")
    return json.loads(response["body"]) if _is_json(response) else None


def endpoint_workloads(assigned_task: int, unassigned_task: int) -> dict[str, Workload]:
    """Return a workload for each endpoint, by the name that the result tables show.

    Args:
        assigned_task: the id of a task that has an assignee.
        unassigned_task: the id of a task that has none.
    """
    assigned, unassigned = {"task_id": assigned_task}, {"task_id": unassigned_task}
    return {
        "GET health": _get("/v1/health"),
        "GET task": _get(TASK, unassigned),
        "GET user": _get(USER, {"user_id": 1}),
        "GET tasks, 50": _get("/v1/tasks", page_size=50),
        "GET tasks, 100": _get("/v1/tasks"),
        "GET tasks of a status, 50": _get("/v1/tasks", page_size=50, status="PENDING"),
        "GET users, 50": _get("/v1/users", page_size=50),
        "GET a user's tasks, 50": _get(f"{USER}/tasks", {"user_id": 1}, page_size=50),
        "GET a user's feed": _get(f"{USER}/tasks.ics", {"user_id": 1}),
        "POST task": Workload(lambda _: _create_task()),
        "POST user": Workload(lambda _: _create_user()),
        "PATCH user": Workload(lambda _: _rename_user({"user_id": 2})),
        "POST batch, 10": Workload(lambda _: _create_tasks(10)),
        "PUT task": Workload(lambda _: invoke("PUT", TASK, TASK_BODY, unassigned)),
        "PUT task of a user": Workload(lambda _: invoke("PUT", TASK, TASK_BODY, assigned)),
        "PATCH task": Workload(lambda _: invoke("PATCH", TASK, {"desc": "Now."}, unassigned)),
        "DELETE task": Workload(
            lambda ident: invoke("DELETE", TASK, ids={"task_id": ident}), _create_task
        ),
        "assign, unassign": Workload(lambda _: _assign_and_unassign(unassigned | {"user_id": 2})),
        "create, revoke a feed": Workload(lambda _: _create_and_revoke_feed({"user_id": 2})),
        "DELETE user": Workload(
            lambda ident: invoke("DELETE", USER, ids={"user_id": ident}), _create_user
        ),
    }


def _get(resource: str, ids: Mapping[str, int] | None = None, **query: object) -> Workload:
    return Workload(lambda _: invoke("GET", resource, ids=ids, query=query))


def _create_task() -> int:
    task = invoke("POST", "/v1/tasks", {"name": TASK_BODY["name"]})
    ident: int = task["payload"]["id"]
    return ident


def _create_tasks(count: int) -> None:
    operation = {"op": "create", "task": {"name": TASK_BODY["name"]}}
    invoke("POST", "/v1/tasks/batch", {"operations": [operation] * count})


def _create_user() -> int:
    user = invoke("POST", "/v1/users", {"username": f"new{next(_username_numbers)}"})
    ident: int = user["id"]
    return ident


def _rename_user(ids: dict[str, int]) -> None:
    invoke("PATCH", USER, {"username": f"new{next(_username_numbers)}"}, ids)


def _assign_and_unassign(ids: dict[str, int]) -> None:
    invoke("PUT", f"{TASK}/assign/user/{{user_id}}", ids=ids)
    invoke("PUT", f"{TASK}/unassign/user/{{user_id}}", ids=ids)


def _create_and_revoke_feed(ids: dict[str, int]) -> None:
    invoke("POST", f"{USER}/feed", ids=ids)
    invoke("DELETE", f"{USER}/feed", ids=ids)


def _is_json(response: Mapping[str, Any]) -> bool:
    media_type: str = response["headers"]["Content-Type"]
    return media_type == "application/json"
