"""Counting what requests cost: calls to DynamoDB, and the capacity units that it says they took."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynamodb.connection import Connection

READS = {"BatchGetItem", "GetItem", "Query", "Scan"}
TRANSACTION = "TransactWriteItems"


@dataclass
class Bill:
    """What a stretch of work cost."""

    calls: list[str] = field(default_factory=list)
    """The operations in their order, repeated attempts too."""
    read_units: float = 0.0
    """One is a strongly consistent read of 4 KB."""
    write_units: float = 0.0
    """One is a write of 1 KB, in the table or in an index."""
    transacted: int = 0
    """Operations in transactions. AWS takes two units for each KB of an item in one; the emulators
    have figures of their own for it, so these are not among the units."""

    def add(self, operation: str, reply: Mapping[str, Any]) -> None:
        """Puts a call on the bill."""
        self.calls.append(operation)
        units = sum(part["CapacityUnits"] for part in _listed(reply.get("ConsumedCapacity", [])))
        if operation in READS:
            self.read_units += units
        elif operation != TRANSACTION:
            self.write_units += units


@contextmanager
def metered(connection: Connection) -> Iterator[Bill]:
    """Puts on a bill what goes over the connection, through botocore's own events.

    https://docs.aws.amazon.com/botocore/latest/topics/events.html
    """
    bill = Bill()

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        bill.transacted += len(params.get("TransactItems", ()))

    def note(event_name: str, response_dict: Mapping[str, Any], **_: Any) -> None:
        bill.add(event_name.rpartition(".")[2], json.loads(response_dict["body"]))

    events = connection.client.meta.events
    events.register("before-parameter-build.dynamodb", ask)
    events.register("response-received.dynamodb", note)
    try:
        yield bill
    finally:
        events.unregister("before-parameter-build.dynamodb", ask)
        events.unregister("response-received.dynamodb", note)


def _listed(consumed: Any) -> list[Mapping[str, Any]]:
    return [consumed] if isinstance(consumed, dict) else consumed
