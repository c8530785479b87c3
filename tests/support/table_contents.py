"""Restoring the items that tables had when they were made, which is faster than to make them."""

import copy
from collections.abc import Mapping
from typing import Any

from pynamodb.models import Model

from billet.integrity import lookup
from chalicelib.dynamodb.botocore_patches import table_of
from chalicelib.dynamodb.models import SUFFIXES

Contents = Mapping[type[Model], Any]


def of_database() -> Contents:
    """Return the items of each bound table, by key."""
    return {model: _items(model) for model in SUFFIXES}


def restore_in_database(contents: Contents) -> None:
    """Delete and put items until the bound tables have these contents."""
    for model, before in contents.items():
        now = _items(model)
        deletes = [{"DeleteRequest": {"Key": lookup.key_of(model, item)}} for item in now.values()]
        puts = [{"PutRequest": {"Item": item}} for item in before.values()]
        if now != before:
            write_raw(model, deletes)
            write_raw(model, puts)


def empty_tables() -> None:
    """Delete all items of the bound tables."""
    restore_in_database({model: {} for model in SUFFIXES})


def of_moto() -> Contents:
    """Return the items of each bound table, from moto's memory in this process."""
    return {model: copy.deepcopy(_moto_table(model).items) for model in SUFFIXES}


def restore_in_moto(contents: Contents) -> None:
    """Replace the items of the bound tables in moto's memory. Takes no request."""
    for model, items in contents.items():
        _moto_table(model).items = copy.deepcopy(items)


def write_raw(model: Any, requests: list[Any]) -> None:
    """Put and delete items in DynamoDB's form, including items that no model can represent."""
    batch_write = table_of(model).connection.client.batch_write_item
    for start in range(0, len(requests), 25):
        left = {model.Meta.table_name: requests[start : start + 25]}
        while left:
            left = batch_write(RequestItems=left)["UnprocessedItems"]


def _items(model: type[Model]) -> dict[Any, Any]:
    return {lookup.identity(model, item): item for page in lookup.items(model) for item in page}


def _moto_table(model: type[Model]) -> Any:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.dynamodb.models import dynamodb_backends

    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
    return tables[model.Meta.table_name]
