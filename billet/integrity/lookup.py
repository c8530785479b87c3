"""Strongly consistent reads of whole tables, and of many items by key.

Items are in DynamoDB's form, `{"id": {"N": "7"}}`, because models raise on wrong types.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.models import Model

from chalicelib.domain.errors import Unavailable
from chalicelib.dynamodb import backoff, botocore_patches, client
from chalicelib.dynamodb.client import Item

Value = Mapping[str, Any]
"""The value of an attribute as DynamoDB sends it: {"N": "7"}."""
PAGE = 500
BATCH = 100
"""DynamoDB's limit of keys for one BatchGetItem."""
ATTEMPTS = 10


def items(model: type[Model]) -> Iterator[Sequence[Item]]:
    """Yield the whole table in pages of items."""
    return _pages(lambda start: _call(model, "scan", Limit=PAGE, ConsistentRead=True, **start))


def of_user(model: type[Model], user_id: Value, limit: int) -> Sequence[Item]:
    """Return the first items with this `user_id`."""
    reply = _call(
        model,
        "query",
        KeyConditionExpression="user_id = :user",
        ExpressionAttributeValues={":user": user_id},
        ConsistentRead=True,
        Limit=limit,
    )
    # `botocore_patches` does not parse the reply to a Query.
    items: Sequence[Item] = msgspec.json.decode(reply["Body"])["Items"]
    return items


def fetch(model: type[Model], keys: Iterable[Item]) -> dict[tuple[Any, ...], Item]:
    """Return the items that exist among these keys, by `identity`."""
    wanted = list({identity(model, key): key for key in keys}.values())
    starts = range(0, len(wanted), BATCH)
    items = (item for start in starts for item in _batch(model, wanted[start : start + BATCH]))
    return {identity(model, item): item for item in items}


def get(model: type[Model], key: Item) -> Item | None:
    """Return the item with this key, or None."""
    return fetch(model, [key]).get(identity(model, key))


def key_of(model: type[Model], item: Item) -> Item:
    """Return the key attributes of an item."""
    return {name: item[name] for name in key_names(model)}


def identity(model: type[Model], item: Item) -> tuple[Any, ...]:
    """Return the values of an item's key."""
    return tuple(next(iter(item[name].values())) for name in key_names(model))


def key_names(model: type[Model]) -> Sequence[str]:
    """Return the names of the table's key attributes, the hash key first."""
    attributes = attributes_of(model).items()
    return [name for name, one in attributes if one.is_hash_key] + [
        name for name, one in attributes if one.is_range_key
    ]


def attributes_of(model: type[Model]) -> Mapping[str, Attribute[Any]]:
    """Return the attributes of a model by their names in the table."""
    return {one.attr_name: one for one in model.get_attributes().values()}


def index_key_names(model: type[Model]) -> set[str]:
    """Return the names of the attributes that are only keys of the table's indexes."""
    schema = botocore_patches.schema_of(model)
    indexes = [*schema["global_secondary_indexes"], *schema["local_secondary_indexes"]]
    names = {key["AttributeName"] for index in indexes for key in index["key_schema"]}
    return names - set(key_names(model))


def _batch(model: type[Model], keys: Sequence[Item]) -> Iterator[Item]:
    name = model.Meta.table_name
    request: Any = {name: {"Keys": keys, "ConsistentRead": True}}
    for _ in backoff.attempts(ATTEMPTS):
        reply = _send(model, "batch_get_item", RequestItems=request)
        yield from reply["Responses"].get(name, ())
        request = reply["UnprocessedKeys"]
        if not request:
            return
    raise Unavailable


def _pages(read: Any) -> Iterator[Sequence[Item]]:
    start: dict[str, Any] = {}
    # Ends: each page starts after the last key of the page before it.
    while True:
        reply = read(start)
        yield reply["Items"]
        if "LastEvaluatedKey" not in reply:
            return
        start = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}


def _call(model: type[Model], operation: str, **arguments: Any) -> Any:
    return _send(model, operation, TableName=model.Meta.table_name, **arguments)


def _send(model: type[Model], operation: str, **arguments: Any) -> Any:
    call = getattr(botocore_patches.table_of(model).connection.client, operation)
    return client.call_with_retries(lambda: call(**arguments), repeatable=True)
