"""A copy of the database in memory, which fetches each item when a request first uses it.

Writes go to the copy, so that nothing changes in the database. The units of a write are those that
DynamoDB would charge for the items before and after it; emulators report other figures.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pynamodb.models import Model

from billet.explain.calls import Call, Params, operations_of
from chalicelib.dynamodb.botocore_patches import schema_of
from chalicelib.dynamodb.models import SUFFIXES

Item = Mapping[str, Any]
UNIT_BYTES = 1024
UNITS_PER_TRANSACTED_WRITE = 2
_INDEX = ("IndexName", "KeySchema", "Projection")
_QUERY = (
    "TableName",
    "IndexName",
    "KeyConditionExpression",
    "FilterExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ScanIndexForward",
    "Limit",
    "ExclusiveStartKey",
)
"""The parameters of a Query that decide which items it finds."""


class Written(NamedTuple):
    """An item that is about to be written."""

    table: str
    key: Item
    before: Item | None
    transacted: bool


class CopyOnUse:
    """Fetches items from the source into the copy.

    Args:
        source: a boto3 client.
        source_prefix: that of the names of its tables.
        copy: another client.
        copy_prefix: that of the names of its tables.
    """

    def __init__(self, source: Any, source_prefix: str, copy: Any, copy_prefix: str) -> None:
        self._source, self._source_prefix = source, source_prefix
        self._copy, self._copy_prefix = copy, copy_prefix
        self._fetched: set[tuple[str, str]] = set()
        self._models = {model.Meta.table_name: model for model in SUFFIXES}

    def create_tables(self) -> None:
        """Create empty tables with the keys and indexes of the source's tables."""
        for table in self._models:
            found = self._source.describe_table(TableName=self._source_name(table))["Table"]
            indexes = {
                kind: [{name: one[name] for name in _INDEX} for one in found[kind]]
                for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
                if found.get(kind)
            }
            self._copy.create_table(
                TableName=table,
                KeySchema=found["KeySchema"],
                AttributeDefinitions=found["AttributeDefinitions"],
                BillingMode="PAY_PER_REQUEST",
                **indexes,
            )

    def before(self, operation: str, params: Params) -> list[Any]:
        """Fetch what the operation uses; return the items that it writes, as they are now."""
        for table, key in self._keys(operation, params):
            self._fetch(table, key)
        transacted = operation == "TransactWriteItems"
        return [
            Written(one["TableName"], key, self._read(one["TableName"], key), transacted)
            for name, one in operations_of(operation, params)
            for key in [self._key_of(one)]
        ]

    def after(self, call: Call) -> None:
        """Set the write units of the call."""
        if call.writes:
            call.wcu = sum(self._units(one) for one in call.writes)

    def _keys(self, operation: str, params: Params) -> Iterator[tuple[str, Item]]:
        if operation == "GetItem":
            yield params["TableName"], params["Key"]
        elif operation == "BatchGetItem":
            for table, one in params["RequestItems"].items():
                for key in one["Keys"]:
                    yield table, key
        elif operation == "TransactGetItems":
            for one in params["TransactItems"]:
                yield one["Get"]["TableName"], one["Get"]["Key"]
        elif operation == "Query":
            same = {name: params[name] for name in _QUERY if name in params}
            same["TableName"] = self._source_name(params["TableName"])
            found = self._source.query(**same)
            for item in found["Items"]:
                yield params["TableName"], self._key_of({**params, "Item": item})
        else:
            for _, one in operations_of(operation, params):
                yield one["TableName"], self._key_of(one)

    def _key_of(self, one: Params) -> Item:
        if "Key" in one:
            key: Item = one["Key"]
            return key
        names = _attributes(schema_of(self._models[one["TableName"]]))
        return {name: one["Item"][name] for name in names}

    def _fetch(self, table: str, key: Item) -> None:
        """Make the item in the copy what it is in the source, once."""
        ident = (table, json.dumps(key, sort_keys=True))
        if ident in self._fetched:
            return
        self._fetched.add(ident)
        name = self._source_name(table)
        found = self._source.get_item(TableName=name, Key=key, ConsistentRead=True).get("Item")
        if found is None:
            self._copy.delete_item(TableName=table, Key=key)
        else:
            self._copy.put_item(TableName=table, Item=found)

    def _source_name(self, table: str) -> str:
        return self._source_prefix + table.removeprefix(self._copy_prefix)

    def _read(self, table: str, key: Item) -> Item | None:
        item: Item | None = self._copy.get_item(TableName=table, Key=key).get("Item")
        return item

    def _units(self, written: Written) -> int:
        after = self._read(written.table, written.key)
        model = self._models[written.table]
        return units_of_write(model, written.before, after, transacted=written.transacted)


def units_of_write(
    model: type[Model], before: Item | None, after: Item | None, *, transacted: bool
) -> int:
    """Return the write units of a write in the table and its indexes.

    A transaction writes to the table twice, and its indexes follow once.
    """
    schema = schema_of(model)
    times = UNITS_PER_TRANSACTED_WRITE if transacted else 1
    units = times * max(1, _units(before), _units(after))
    indexes = [*schema["global_secondary_indexes"], *schema["local_secondary_indexes"]]
    return units + sum(_units_in_index(schema, one, before, after) for one in indexes)


def _units_in_index(
    schema: Mapping[str, Any], index: Mapping[str, Any], before: Item | None, after: Item | None
) -> int:
    names = {*_attributes(schema), *_attributes(index)}
    old, new = (_entry(index, names, item) for item in (before, after))
    if old == new:
        return 0
    if old and new and all(old[name] == new[name] for name in _attributes(index)):
        return max(_units(old), _units(new))
    return _units(old) + _units(new)


def _entry(index: Mapping[str, Any], keys: Iterable[str], item: Item | None) -> Item | None:
    """Return what an index has of an item; None if it has nothing."""
    if item is None or not all(name in item for name in _attributes(index)):
        return None
    if index["projection"]["ProjectionType"] == "ALL":
        return item
    names = {*keys, *index["projection"].get("NonKeyAttributes", ())}
    return {name: value for name, value in item.items() if name in names}


def _attributes(schema: Mapping[str, Any]) -> list[str]:
    return [one["AttributeName"] for one in schema["key_schema"]]


def _units(item: Item | None) -> int:
    return math.ceil(_size(item) / UNIT_BYTES) if item else 0


def _size(item: Item) -> int:
    """Return about the bytes of an item: its names and values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [content] = value.values()
    parts = content if isinstance(content, list) else [content]
    return sum(len(str(part).encode()) for part in parts)
