"""Everything that a database holds, in a form that can be compared and written."""

import json
import re
from collections.abc import Mapping
from typing import Any

Contents = Mapping[str, list[str]]
"""The items of each table as JSON, sorted; by the name of the table after the prefix."""

_RAN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by ")


def read(client: Any, prefix: str) -> Contents:
    """Return all items, without the times at which migrations ran."""
    return {
        name.removeprefix(f"{prefix}-"): sorted(_normal(item) for item in _items(client, name))
        for name in _tables(client, prefix)
    }


def expiries(client: Any, prefix: str) -> dict[str, Any]:
    """Return the attribute by which DynamoDB removes items, by table."""
    found = {name: client.describe_time_to_live(TableName=name) for name in _tables(client, prefix)}
    return {
        name.removeprefix(f"{prefix}-"): one["TimeToLiveDescription"].get("AttributeName")
        for name, one in found.items()
    }


def copy(client: Any, prefix: str, target: str) -> None:
    """Copy all tables to another prefix."""
    for name in _tables(client, prefix):
        table = client.describe_table(TableName=name)["Table"]
        new = name.replace(prefix, target, 1)
        client.create_table(TableName=new, BillingMode="PAY_PER_REQUEST", **_definition(table))
        if attribute := expiries(client, prefix)[name.removeprefix(f"{prefix}-")]:
            enabled = {"Enabled": True, "AttributeName": attribute}
            client.update_time_to_live(TableName=new, TimeToLiveSpecification=enabled)
        for item in _items(client, name):
            client.put_item(TableName=new, Item=item)


def _definition(table: Mapping[str, Any]) -> dict[str, Any]:
    indexes = {
        kind: [
            {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
            for index in table[kind]
        ]
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        if kind in table
    }
    return {name: table[name] for name in ("AttributeDefinitions", "KeySchema")} | indexes


def _tables(client: Any, prefix: str) -> list[str]:
    pages = client.get_paginator("list_tables").paginate()
    return [name for page in pages for name in page["TableNames"] if name.startswith(f"{prefix}-")]


def _items(client: Any, name: str) -> list[Any]:
    pages = client.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def _normal(item: Mapping[str, Any]) -> str:
    values = {
        name: {kind: sorted(one) if kind == "NS" else one for kind, one in value.items()}
        for name, value in item.items()
    }
    return _RAN.sub("", json.dumps(values, sort_keys=True))
