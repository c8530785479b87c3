"""Record the DynamoDB calls of a request, and send them again with boto3 or over raw HTTP.

These replays are the baseline of a request: the same work without this project's code. Before each
replay the written items are restored, so that conditions hold again. A write that failed its
condition when it was recorded fails again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
import urllib3
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from botocore.handlers import generate_idempotent_uuid
from pynamodb.connection import Connection

from billet.metering import event_handler

Operation = tuple[str, dict[str, Any]]
"""The name of a DynamoDB operation, and its parameters."""

_DROPPED_PARAMETERS = {
    "ClientRequestToken",  # DynamoDB would ignore a second transaction with the same token
    "ReturnConsumedCapacity",
}
_CONDITION_FAILED = b"ConditionalCheckFailedException"


@dataclass
class Recording:
    """The DynamoDB operations of a request, and the items that they wrote, as they were before."""

    operations: list[Operation] = field(default_factory=list)
    items: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = field(
        default_factory=dict
    )
    """Table, key and previous content of each written item; None if the item did not exist."""

    def restore(self, client: Any) -> None:
        """Write the previous items back."""
        for table, key, item in self.items.values():
            if item is None:
                client.delete_item(TableName=table, Key=key)
            else:
                client.put_item(TableName=table, Item=item)


@contextmanager
def record(connection: Connection, client: Any) -> Iterator[Recording]:
    """Record what PynamoDB sends over the connection within the block.

    Args:
        client: a boto3 client that reads the items before they are written.
    """
    recording = Recording()

    def on_call(params: dict[str, Any], model: Any, **_: Any) -> None:
        kept = {name: value for name, value in params.items() if name not in _DROPPED_PARAMETERS}
        recording.operations.append((model.name, kept))
        for table, key in _written_keys(client, model.name, kept):
            item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
            recording.items.setdefault(f"{table} {key}", (table, key, item))

    with event_handler(connection.client, "before-parameter-build.dynamodb", on_call):
        yield recording


def _written_keys(
    client: Any, operation: str, parameters: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield table and key of each item that an operation writes."""
    if operation == "TransactWriteItems":
        for item in parameters["TransactItems"]:
            for inner_operation, inner_parameters in item.items():
                yield from _written_keys(client, inner_operation, inner_parameters)
    elif "Item" in parameters:
        table = parameters["TableName"]
        schema = client.describe_table(TableName=table)["Table"]["KeySchema"]
        names = [key["AttributeName"] for key in schema]
        yield table, {name: parameters["Item"][name] for name in names}
    elif operation not in {"GetItem", "Query", "ConditionCheck"}:
        yield parameters["TableName"], parameters["Key"]


def boto3_calls(
    client: Any, operations: Sequence[Operation]
) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """Return the client's method and the arguments for each operation."""
    return [(getattr(client, xform_name(name)), parameters) for name, parameters in operations]


def boto3_replay(client: Any, operations: Sequence[Operation]) -> Callable[[Any], None]:
    """Return a function that sends the operations with a boto3 client."""
    calls = boto3_calls(client, operations)

    def run(_: Any) -> None:
        for method, arguments in calls:
            with suppress(client.exceptions.ConditionalCheckFailedException):
                method(**arguments)

    return run


def raw_replay(client: Any, recording: Recording) -> Callable[[Any], None]:
    """Return a function that sends the operations with urllib3, as requests signed in advance."""
    requests = [(one.url, one.body, dict(one.headers)) for one in _signed(client, recording)]
    pool = urllib3.PoolManager(maxsize=1)

    def run(_: Any) -> None:
        for url, body, headers in requests:
            response = pool.request("POST", url, body=body, headers=headers, retries=False)
            if response.status != 200 and _CONDITION_FAILED not in response.data:
                raise RuntimeError(f"{url}: {response.data!r}")

    return run


def _signed(client: Any, recording: Recording) -> list[AWSPreparedRequest]:
    requests: list[AWSPreparedRequest] = []

    def on_send(request: AWSPreparedRequest, **_: Any) -> None:
        requests.append(request)

    events = client.meta.events
    recording.restore(client)
    # With a token, DynamoDB would carry out repeated transactions only once.
    events.unregister("before-parameter-build", generate_idempotent_uuid)
    with event_handler(client, "before-send.dynamodb", on_send):
        boto3_replay(client, recording.operations)(None)
    events.register("before-parameter-build", generate_idempotent_uuid)
    return requests


def boto3_client() -> Any:
    """Return a plain boto3 client for the endpoint in AWS's environment variables."""
    return boto3.client("dynamodb")
