"""Everything that uses private parts of botocore and PynamoDB.

Each part of it saves more than a tenth of some request; docs/decisions/0012 has the measurements.
tests/architecture/test_private_parts.py fails if a library changes one of its private parts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.exceptions import IncompleteReadError
from botocore.parsers import JSONParser, ResponseParserError, ResponseParserFactory
from botocore.serialize import JSONSerializer
from botocore.session import Session, get_session
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import (
    BATCH_GET_ITEM,
    BATCH_WRITE_ITEM,
    DELETE_ITEM,
    GET_ITEM,
    PUT_ITEM,
    QUERY,
    RETURN_CONSUMED_CAPACITY,
    SCAN,
    TOTAL,
    TRANSACT_GET_ITEMS,
    TRANSACT_WRITE_ITEMS,
    UPDATE_ITEM,
)
from pynamodb.models import Model

from chalicelib import request_stats

METERED = {
    BATCH_GET_ITEM,
    BATCH_WRITE_ITEM,
    DELETE_ITEM,
    GET_ITEM,
    PUT_ITEM,
    QUERY,
    SCAN,
    TRANSACT_GET_ITEMS,
    TRANSACT_WRITE_ITEMS,
    UPDATE_ITEM,
}
"""The operations that report the capacity units that they consume."""
READS = {BATCH_GET_ITEM, GET_ITEM, QUERY, SCAN, TRANSACT_GET_ITEMS}
UNPARSED = {
    "GetItemOutput",
    "QueryOutput",
    "PutItemOutput",
    "UpdateItemOutput",
    "DeleteItemOutput",
    "TransactWriteItemsOutput",
}
"""The replies whose body `codec` decodes, in a tenth of the time of botocore's parser."""


def _require_whole(response: Mapping[str, Any]) -> None:
    """Raise IncompleteReadError if the connection ended before the body did.

    botocore tells urllib3 not to check that."""
    expected = response["headers"].get("Content-Length")
    read = len(response["body"])
    if expected is not None and int(expected) != read:
        raise IncompleteReadError(actual_bytes=read, expected_bytes=expected)


def _require_json(response: Mapping[str, Any]) -> None:
    """Raise ResponseParserError if DynamoDB cannot have sent a reply, but a proxy or portal."""
    if response["status_code"] == 200 and not response["body"].startswith(b"{"):
        raise ResponseParserError(f"no JSON: {response['body'][:200].decode(errors='replace')}")


class _WireParser(JSONParser):  # type: ignore[misc]
    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        _require_whole(response)
        _require_json(response)
        if response["status_code"] != 200 or shape is None or shape.name not in UNPARSED:
            return super().parse(response, shape)
        metadata = {"HTTPStatusCode": 200, "HTTPHeaders": response["headers"]}
        return {"Body": response["body"], "ResponseMetadata": metadata}


class _WireParserFactory(ResponseParserFactory):  # type: ignore[misc]
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name != "json":
            return super().create_parser(protocol_name)
        return _WireParser(**self._defaults)


class _WireSerializer(JSONSerializer):  # type: ignore[misc]
    """Writes parameters as they are. PynamoDB makes them in DynamoDB's form."""

    def serialize_to_request(self, parameters: Any, operation_model: Any) -> Any:
        empty = super().serialize_to_request({}, operation_model)
        return {**empty, "body": msgspec.json.encode(parameters)}


class _LeanClient:
    """A base of the client that does not evaluate botocore's endpoint rules for each call.

    All calls go to the client's one address."""

    def __init__(self, **parts: Any) -> None:
        lean = {"serializer": _WireSerializer(), "endpoint_ruleset_resolver": None}
        super().__init__(**{**parts, **lean})


def _make_lean(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _LeanClient)


class WireConnection(Connection):
    """A PynamoDB connection that returns the replies in UNPARSED as {"Body": bytes}."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._wire_session = get_session()
        self._wire_session.register_component("response_parser_factory", _WireParserFactory())
        self._wire_session.register("creating-client-class.dynamodb", _make_lean)

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> Any:
        """Send an operation, and add it to the statistics of the request.

        Asks for the consumed capacity, as PynamoDB does, and omits PynamoDB's signals and log.
        """
        if operation_name in METERED:
            operation_kwargs.setdefault(RETURN_CONSUMED_CAPACITY, TOTAL)
        stats = request_stats.current()
        stats.call_begins()
        units, items = 0.0, 0
        try:
            reply = self._make_api_call(operation_name, operation_kwargs)
            units, items = consumption(reply)
        finally:
            if operation_name in READS:
                stats.call_ends(rcu=units, items_read=items)
            else:
                stats.call_ends(wcu=units)
        return reply

    @property
    def session(self) -> Session:
        """The session of the client, the same in each thread."""
        return self._wire_session


class _Capacity(msgspec.Struct):
    CapacityUnits: float = 0.0


class _Consumption(msgspec.Struct):
    """The parts of a reply that say what it has cost."""

    ConsumedCapacity: _Capacity | list[_Capacity] | None = None
    ScannedCount: int | None = None
    """The items that a Query has read."""
    Item: msgspec.Raw = msgspec.Raw()
    """The item that a GetItem has read."""
    Responses: dict[str, list[Any]] = {}
    """The items that a BatchGetItem has read."""


_CONSUMPTION = msgspec.json.Decoder(_Consumption)


def consumption(reply: Mapping[str, Any]) -> tuple[float, int]:
    """Return the capacity units that a reply reports, and the number of items that were read."""
    body = reply.get("Body")
    found = _CONSUMPTION.decode(body) if body is not None else _of_parsed(reply)
    items = found.ScannedCount
    if items is None:
        items = sum(map(len, found.Responses.values())) or int(bool(found.Item))
    capacity = found.ConsumedCapacity
    if isinstance(capacity, _Capacity):
        return capacity.CapacityUnits, items
    return sum(part.CapacityUnits for part in capacity or ()), items


def _of_parsed(reply: Mapping[str, Any]) -> _Consumption:
    names = ("ConsumedCapacity", "ScannedCount", "Responses")
    return msgspec.convert({name: reply[name] for name in names if name in reply}, _Consumption)


def bind_model(model: type[Model], name: str, connection: Connection) -> None:
    """Bind a model to a table, over a connection that it shares with the other models."""
    model.Meta.table_name = name
    model._connection = None
    table = model._get_connection()
    connection._tables[name] = table.get_meta_table()
    table.connection = connection


def table_of(model: type[Model]) -> TableConnection:
    """Return the low-level connection to the model's table."""
    return model._get_connection()


def schema_of(model: type[Model]) -> Mapping[str, Any]:
    """Return the keys and indexes with which PynamoDB creates the model's table."""
    return model._get_schema()
