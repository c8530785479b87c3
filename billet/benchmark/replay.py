"""The floors of a request: what it sends to DynamoDB, sent again without us.

Before each time the items are put back as they were before the request, so that its conditions hold
again and the same work is done on the same items. A guess that was refused is refused again.
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

Operation = tuple[str, dict[str, Any]]
"""The name of an operation of DynamoDB, and its parameters."""

_LEFT_OUT = {
    "ClientRequestToken",  # with the same one nothing would be done again
    "ReturnConsumedCapacity",
}

REFUSED_GUESS = b"ConditionalCheckFailedException"


@dataclass
class Recording:
    """What a request sent, and how the items were that it wrote."""

    operations: list[Operation] = field(default_factory=list)
    before: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = field(
        default_factory=dict
    )
    """For each item: its table, its key, and the item itself where there was one."""

    def restore(self, client: Any) -> None:
        """Puts the items back."""
        for table, key, item in self.before.values():
            if item is None:
                client.delete_item(TableName=table, Key=key)
            else:
                client.put_item(TableName=table, Item=item)


@contextmanager
def recorded(connection: Connection, client: Any) -> Iterator[Recording]:
    """Records what is sent over the connection; the client is used for a look at the items."""
    found = Recording()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        kept = {name: value for name, value in params.items() if name not in _LEFT_OUT}
        found.operations.append((model.name, kept))
        for table, key in _written(client, model.name, kept):
            item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
            found.before.setdefault(f"{table} {key}", (table, key, item))

    events = connection.client.meta.events
    events.register("before-parameter-build.dynamodb", note)
    try:
        yield found
    finally:
        events.unregister("before-parameter-build.dynamodb", note)


def _written(
    client: Any, operation: str, parameters: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The table and key of each item that an operation writes."""
    if operation == "TransactWriteItems":
        for item in parameters["TransactItems"]:
            for verb, inner in item.items():
                yield from _written(client, verb, inner)
    elif "Item" in parameters:
        table = parameters["TableName"]
        schema = client.describe_table(TableName=table)["Table"]["KeySchema"]
        names = [key["AttributeName"] for key in schema]
        yield table, {name: parameters["Item"][name] for name in names}
    elif operation not in {"GetItem", "Query", "ConditionCheck"}:
        yield parameters["TableName"], parameters["Key"]


def calls(
    client: Any, operations: Sequence[Operation]
) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """The methods of a boto3 client that do these operations, with their arguments."""
    return [(getattr(client, xform_name(name)), parameters) for name, parameters in operations]


def with_boto3(client: Any, operations: Sequence[Operation]) -> Callable[[Any], None]:
    """Does these operations by the methods of a boto3 client."""
    methods = calls(client, operations)

    def run(_: Any) -> None:
        for method, arguments in methods:
            with suppress(client.exceptions.ConditionalCheckFailedException):
                method(**arguments)

    return run


def raw(client: Any, recording: Recording) -> Callable[[Any], None]:
    """Sends the requests that boto3 once made and signed for these operations, by urllib3 alone."""
    requests = [(one.url, one.body, dict(one.headers)) for one in _signed(client, recording)]
    pool = urllib3.PoolManager(maxsize=1)

    def run(_: Any) -> None:
        for url, body, headers in requests:
            answer = pool.request("POST", url, body=body, headers=headers, retries=False)
            if answer.status != 200 and REFUSED_GUESS not in answer.data:
                raise RuntimeError(f"{url}: {answer.data!r}")

    return run


def _signed(client: Any, recording: Recording) -> list[AWSPreparedRequest]:
    found: list[AWSPreparedRequest] = []

    def note(request: AWSPreparedRequest, **_: Any) -> None:
        found.append(request)

    events = client.meta.events
    recording.restore(client)
    # A token would have DynamoDB do what is sent again only once.
    events.unregister("before-parameter-build", generate_idempotent_uuid)
    events.register("before-send.dynamodb", note)
    with_boto3(client, recording.operations)(None)
    events.unregister("before-send.dynamodb", note)
    events.register("before-parameter-build", generate_idempotent_uuid)
    return found


def client() -> Any:
    """A boto3 client as everybody makes it, where AWS's variables point."""
    return boto3.client("dynamodb")
