"""Record the calls to DynamoDB over a connection: keys, indexes, units."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynamodb.connection import Connection

from billet.metering import event_handler
from chalicelib.dynamodb.botocore_patches import METERED, READS, consumption

Params = dict[str, Any]
"""The parameters of an operation in DynamoDB's form."""
WRITES = METERED - READS
CALL = "billet.call"
"""The key of a call in the context of botocore's events."""
MAX_VALUE = 24
"""How many characters of a value are shown."""
_PLACEHOLDER = re.compile(r"[#:]\w+")


@dataclass
class Call:
    """A call to DynamoDB. A transaction has a part for each of its operations."""

    operation: str
    parts: list[str]
    """Table, key and condition of each operation."""
    rcu: float = 0.0
    wcu: float = 0.0
    items: int = 0
    """Items that DynamoDB read."""
    ms: float = 0.0
    error: str = ""
    """The name of DynamoDB's error."""
    writes: list[Any] = field(default_factory=list)
    """What `Before` has returned."""


Before = Callable[[str, Params], list[Any]]
"""Is called with each operation and its parameters before it is sent."""
After = Callable[[Call], None]
"""Is called with each call after its response."""


@contextmanager
def recording(
    connection: Connection,
    prefix: str,
    before: Before = lambda operation, params: [],
    after: After = lambda call: None,
) -> Iterator[list[Call]]:
    """List the calls over the connection within the block.

    Args:
        prefix: that of the tables' names, which the parts leave out.
        before: may raise an exception, so that the call is not sent.
        after: may complete the call.
    """
    calls: list[Call] = []

    def before_call(params: Params, model: Any, context: dict[str, Any], **_: Any) -> None:
        call = Call(model.name, describe(model.name, params, prefix))
        call.writes = before(model.name, params)
        calls.append(call)
        call.ms = -1000 * time.perf_counter()
        context[CALL] = call

    def after_call(response_dict: Any, context: dict[str, Any], **_: Any) -> None:
        call: Call = context[CALL]
        call.ms += 1000 * time.perf_counter()
        if response_dict is None:  # no response
            call.error = "no response"
            return
        body = response_dict["body"]
        if response_dict["status_code"] != 200:
            call.error = json.loads(body)["__type"].rpartition("#")[2]
            return
        units, call.items = consumption({"Body": body})
        if call.operation in READS:
            call.rcu = units
        else:
            call.wcu = units
        after(call)

    with ExitStack() as stack:
        events: dict[str, Callable[..., object]] = {
            "before-parameter-build.dynamodb": before_call,
            "response-received.dynamodb": after_call,
        }
        for event, handler in events.items():
            stack.enter_context(event_handler(connection.client, event, handler))
        yield calls


def operations_of(operation: str, params: Params) -> Iterator[tuple[str, Params]]:
    """Yield the writes that an operation consists of, with their parameters."""
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            yield from item.items()
    elif operation == "BatchWriteItem":
        for table, requests in params["RequestItems"].items():
            for request in requests:
                for name, one in request.items():
                    yield name.removesuffix("Request"), {**one, "TableName": table}
    elif operation in WRITES:
        yield operation.removesuffix("Item"), params


def describe(operation: str, params: Params, prefix: str) -> list[str]:
    """Return table, key and condition of each operation as text."""
    if operation == "BatchGetItem":
        return [
            f"{_table(table, prefix)}: {_keys(one['Keys'])}"
            for table, one in params["RequestItems"].items()
        ]
    if operation in WRITES:
        return [
            f"{name} {_table(one['TableName'], prefix)}: {_target(one)}"
            for name, one in operations_of(operation, params)
        ]
    if operation == "TransactGetItems":
        gets = [one["Get"] for one in params["TransactItems"]]
        return [f"{_table(one['TableName'], prefix)}: {_key(one['Key'])}" for one in gets]
    return [_read(params, prefix)]


def _read(params: Params, prefix: str) -> str:
    index = params.get("IndexName")
    where = _table(params["TableName"], prefix) + (f", index {index}" if index else "")
    if "Key" in params:
        what = _key(params["Key"])
    else:
        what = _expression(params.get("KeyConditionExpression", "all items"), params)
    details = [
        (params.get("FilterExpression"), "filtered"),
        ("Limit" in params, f"at most {params.get('Limit')} items"),
        (params.get("ScanIndexForward") is False, "descending"),
        (params.get("ConsistentRead"), "strongly consistent"),
    ]
    return ", ".join([f"{where}: {what}", *(text for present, text in details if present)])


def _target(one: Params) -> str:
    key = _key(one["Key"]) if "Key" in one else _key(one["Item"], at_most=3)
    condition = one.get("ConditionExpression")
    return f"{key}, if {_expression(condition, one)}" if condition else key


def _expression(text: str, params: Params) -> str:
    """Return an expression with the names and values that its placeholders stand for."""
    known = {
        **params.get("ExpressionAttributeNames", {}),
        **{
            name: _value(value)
            for name, value in params.get("ExpressionAttributeValues", {}).items()
        },
    }
    return _PLACEHOLDER.sub(lambda match: str(known.get(match[0], match[0])), text)


def _keys(keys: Sequence[Mapping[str, Any]]) -> str:
    rest = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return f"{_key(keys[0])}{rest}"


def _key(key: Mapping[str, Any], at_most: int = 2) -> str:
    shown = [f"{name} = {_value(value)}" for name, value in list(key.items())[:at_most]]
    return ", ".join(shown) + (", …" if len(key) > at_most else "")


def _value(value: Mapping[str, Any]) -> str:
    [(kind, content)] = value.items()
    if kind != "S":
        return str(content)
    return repr(content if len(content) <= MAX_VALUE else f"{content[:MAX_VALUE]}…")


def _table(name: str, prefix: str) -> str:
    return name.removeprefix(f"{prefix}-")
