"""Calls to DynamoDB with items in its own form, without the models.

A migration must work in years, when the models have changed, so it uses only these functions."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from botocore.exceptions import ClientError
from pynamodb.constants import GET_ITEM, QUERY, TRANSACT_WRITE_ITEMS

from chalicelib.dynamodb import client

Item = Mapping[str, Any]
"""An item as DynamoDB sends it: {"id": {"N": "7"}, …}."""
PAGE = 250
"""The most items of one page of a scan."""


class Write(NamedTuple):
    """A conditional write of one item."""

    verb: str
    """Put, Update, Delete or ConditionCheck."""
    suffix: str
    arguments: Mapping[str, Any]


class Page(NamedTuple):
    """A page of a scan."""

    items: Sequence[Item]
    scanned: int
    """The number of items before the filter."""
    units: float
    next_key: Item | None
    """Where the next page begins; None after the last one."""


def table_name(suffix: str) -> str:
    """Return the name of a table."""
    return f"{client.database.settings.prefix}-{suffix}"


def call(operation: str, **arguments: Any) -> Any:
    """Call an operation of botocore's client that has the same effect twice as once.

    Raises:
        ClientError: DynamoDB refuses it.
        Unavailable: the database is overloaded or does not respond.
    """
    function = getattr(client.database.connection.client, operation)
    return client.call_with_retries(lambda: function(**arguments), repeatable=True)


def code_of(error: ClientError) -> str:
    """Return DynamoDB's code of an error."""
    return str(error.response["Error"].get("Code"))


def get(suffix: str, key: Item) -> Item | None:
    """Return an item or None (strongly consistent read)."""
    arguments = {"TableName": table_name(suffix), "Key": key, "ConsistentRead": True}
    reply: Mapping[str, Any] = msgspec.json.decode(
        client.dispatch(GET_ITEM, arguments, repeatable=True)
    )
    item: Item | None = reply.get("Item")
    return item


def scan(
    suffix: str,
    start: Item | None = None,
    *,
    condition: str | None = None,
    values: Item | None = None,
    segment: int = 0,
    segments: int = 1,
    limit: int = PAGE,
) -> Page:
    """Read a page of a table (strongly consistent).

    Args:
        start: the key after which it begins.
        condition: a filter expression.
        values: the values in the filter expression.
        limit: the number of items, before the filter.
    """
    arguments: dict[str, Any] = {
        "ExclusiveStartKey": start,
        "FilterExpression": condition,
        "ExpressionAttributeValues": values,
    }
    if segments > 1:
        arguments |= {"Segment": segment, "TotalSegments": segments}
    return _page(
        call(
            "scan",
            TableName=table_name(suffix),
            ConsistentRead=True,
            Limit=limit,
            ReturnConsumedCapacity="TOTAL",
            **{name: value for name, value in arguments.items() if value is not None},
        )
    )


def find(
    suffix: str, key: Item, *, condition: str | None = None, values: Item | None = None
) -> Page:
    """Read one item (strongly consistent), if it is there and the filter expression holds."""
    names = {f"#k{place}": name for place, name in enumerate(key)}
    arguments = {
        "TableName": table_name(suffix),
        "KeyConditionExpression": " AND ".join(f"{one} = :{one[1:]}" for one in names),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {
            **{f":{one[1:]}": key[name] for one, name in names.items()},
            **(values or {}),
        },
        "ConsistentRead": True,
        "ReturnConsumedCapacity": "TOTAL",
        **({"FilterExpression": condition} if condition else {}),
    }
    return _page(msgspec.json.decode(client.dispatch(QUERY, arguments, repeatable=True)))


def _page(reply: Mapping[str, Any]) -> Page:
    units = float(reply.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
    return Page(reply["Items"], reply["ScannedCount"], units, reply.get("LastEvaluatedKey"))


def every(suffix: str) -> Sequence[Item]:
    """Return all items of a small table."""
    items: list[Item] = []
    start = None
    # Ends: each page starts after the last key of the page before it.
    while True:
        page = scan(suffix, start)
        items += page.items
        start = page.next_key
        if start is None:
            return items


def update(suffix: str, key: Item, change: str, condition: str, values: Item) -> Write:
    """Return an update of an item, with an update expression and a condition."""
    return Write(
        "Update", suffix, {"Key": key, "UpdateExpression": change, **_if(condition, values)}
    )


def put(suffix: str, item: Item, condition: str, values: Item | None = None) -> Write:
    """Return a write of a whole item."""
    return Write("Put", suffix, {"Item": item, **_if(condition, values)})


def delete(suffix: str, key: Item, condition: str = "", values: Item | None = None) -> Write:
    """Return the removal of an item."""
    return Write("Delete", suffix, {"Key": key, **_if(condition, values)})


def check(suffix: str, key: Item, condition: str, values: Item | None = None) -> Write:
    """Return a condition on an item that does not change."""
    return Write("ConditionCheck", suffix, {"Key": key, **_if(condition, values)})


def _if(condition: str, values: Item | None) -> dict[str, Any]:
    given = {"ConditionExpression": condition, "ExpressionAttributeValues": values}
    return {name: value for name, value in given.items() if value}


def commit(*writes: Write) -> float:
    """Carry out writes together, and return the units that they used.

    Each must have the same effect twice as once.

    Raises:
        ConditionFailed: a condition failed; nothing was written.
        LostRace: other writes interfered at every attempt; nothing was written.
        Unavailable: the database is overloaded or does not respond.
    """
    parts = [(one.verb, {"TableName": table_name(one.suffix), **one.arguments}) for one in writes]
    measured = {"ReturnConsumedCapacity": "TOTAL"}
    if len(parts) == 1 and parts[0][0] != "ConditionCheck":
        [(verb, arguments)] = parts
        body = client.dispatch(f"{verb}Item", {**arguments, **measured}, repeatable=True)
    else:
        operations = {
            "TransactItems": [{verb: arguments} for verb, arguments in parts],
            "ClientRequestToken": str(uuid.uuid4()),
        }
        body = client.dispatch(TRANSACT_WRITE_ITEMS, {**operations, **measured}, repeatable=True)
    consumed = msgspec.json.decode(body).get("ConsumedCapacity") or []
    listed = [consumed] if isinstance(consumed, dict) else consumed
    return float(sum(one.get("CapacityUnits", 0) for one in listed))
