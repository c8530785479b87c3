"""Calling the API in this process, as Lambda does."""

import json
from collections.abc import Mapping
from typing import Any

import app


class _Context:
    aws_request_id = "bench"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 28_000


def call(
    method: str,
    resource: str,
    body: Any = None,
    ids: Mapping[str, int] | None = None,
    query: Mapping[str, object] | None = None,
) -> Any:
    """Has the app handle an event of API Gateway; gives the body of its answer, read as JSON.

    Args:
        resource: the path with the names of ids in braces, "/v1/tasks/{task_id}".

    Raises:
        RuntimeError: the answer is an error.
    """
    given = {name: str(value) for name, value in (ids or {}).items()}
    event = {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": resource.format_map(given),
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "headers": {"content-type": "application/json"},
        "pathParameters": given,
        "stageVariables": {},
        "multiValueQueryStringParameters": {k: [str(v)] for k, v in (query or {}).items()},
        "body": None if body is None else json.dumps(body),
    }
    reply = app.app(event, _Context())
    if reply["statusCode"] >= 300:
        raise RuntimeError(f"{method} {resource}: {reply['body']}")
    return json.loads(reply["body"])
