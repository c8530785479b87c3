"""The floors of a request: what it sends to DynamoDB, sent again without us.

Conditions are left out, for they hold once only, so a floor does a little less than the request.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import urllib3
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from pynamodb.connection import Connection

Operation = tuple[str, dict[str, Any]]
"""The name of an operation of DynamoDB, and its parameters."""

_LEFT_OUT = {
    "ClientRequestToken",  # with the same one nothing would be done again
    "ConditionExpression",
    "ReturnConsumedCapacity",
    "ReturnValuesOnConditionCheckFailure",
}
_PLACEHOLDER = re.compile(r"[#:]\w+")


@contextmanager
def recorded(connection: Connection) -> Iterator[list[Operation]]:
    """Lists the operations that are sent over the connection."""
    found: list[Operation] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        found.append((model.name, params))

    events = connection.client.meta.events
    events.register("before-parameter-build.dynamodb", note)
    try:
        yield found
    finally:
        events.unregister("before-parameter-build.dynamodb", note)


def unconditional(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an operation without its conditions, and what only these need."""
    kept = {name: value for name, value in parameters.items() if name not in _LEFT_OUT}
    if "TransactItems" in kept:
        kept["TransactItems"] = [
            _written(item) for item in kept["TransactItems"] if "ConditionCheck" not in item
        ]
    used = set(
        _PLACEHOLDER.findall(" ".join(v for k, v in kept.items() if k.endswith("Expression")))
    )
    for name in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        if left := {key: value for key, value in kept.pop(name, {}).items() if key in used}:
            kept[name] = left
    return kept


def _written(item: dict[str, Any]) -> dict[str, Any]:
    return {verb: unconditional(parameters) for verb, parameters in item.items()}


def calls(
    client: Any, operations: Sequence[Operation]
) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """The methods of a boto3 client that do these operations, with their arguments."""
    return [
        (getattr(client, xform_name(name)), unconditional(parameters))
        for name, parameters in operations
    ]


def with_boto3(client: Any, operations: Sequence[Operation]) -> Callable[[Any], None]:
    """Does these operations by the methods of a boto3 client."""
    methods = calls(client, operations)

    def run(_: Any) -> None:
        for method, arguments in methods:
            method(**arguments)

    return run


def raw(client: Any, operations: Sequence[Operation]) -> Callable[[Any], None]:
    """Sends the requests that boto3 once made and signed for these operations, by urllib3 alone."""
    signed: list[AWSPreparedRequest] = []

    def note(request: AWSPreparedRequest, **_: Any) -> None:
        signed.append(request)

    client.meta.events.register("before-send.dynamodb", note)
    with_boto3(client, operations)(None)
    client.meta.events.unregister("before-send.dynamodb", note)
    pool = urllib3.PoolManager(maxsize=1)
    requests = [(one.url, one.body, dict(one.headers)) for one in signed]

    def run(_: Any) -> None:
        for url, body, headers in requests:
            answer = pool.request("POST", url, body=body, headers=headers, retries=False)
            if answer.status != 200:
                raise RuntimeError(f"{url}: {answer.data!r}")

    return run


def client() -> Any:
    """A boto3 client as everybody makes it, where AWS's variables point."""
    return boto3.client("dynamodb")
