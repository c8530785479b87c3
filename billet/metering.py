"""Record the DynamoDB calls of a block of code, and the capacity units that they consume."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynamodb.connection import Connection

READS = {"BatchGetItem", "GetItem", "Query", "Scan"}


@dataclass
class Usage:
    """DynamoDB calls and capacity units."""

    calls: list[str] = field(default_factory=list)
    """The names of the operations in order, retries included."""
    read_units: float = 0.0
    """One unit is a strongly consistent read of 4 KB."""
    write_units: float = 0.0
    """One unit is a write of 1 KB to a table or an index; transactions are not included."""
    transacted: int = 0
    """Operations within transactions. AWS charges two units per KB for each; the emulators report
    other figures, so they are counted here instead."""

    def add(self, operation: str, response: Mapping[str, Any]) -> None:
        """Add a call with the ConsumedCapacity of its response."""
        self.calls.append(operation)
        consumed = response.get("ConsumedCapacity", [])
        parts = [consumed] if isinstance(consumed, dict) else consumed
        units = sum(part["CapacityUnits"] for part in parts)
        if operation in READS:
            self.read_units += units
        elif operation != "TransactWriteItems":
            self.write_units += units


@contextmanager
def record_usage(connection: Connection) -> Iterator[Usage]:
    """Record the calls over a connection within the block, through botocore's events.

    https://docs.aws.amazon.com/botocore/latest/topics/events.html
    """
    usage = Usage()

    def before_call(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        usage.transacted += len(params.get("TransactItems", ()))

    def after_call(event_name: str, response_dict: Mapping[str, Any], **_: Any) -> None:
        usage.add(event_name.rpartition(".")[2], json.loads(response_dict["body"]))

    client = connection.client
    with (
        event_handler(client, "before-parameter-build.dynamodb", before_call),
        event_handler(client, "response-received.dynamodb", after_call),
    ):
        yield usage


@contextmanager
def event_handler(client: Any, event: str, handler: Callable[..., object]) -> Iterator[None]:
    """Have botocore's client call the handler for an event within the block."""
    events = client.meta.events
    events.register(event, handler)
    try:
        yield
    finally:
        events.unregister(event, handler)
