"""Attributes in DynamoDB's form: {"N": "7"}."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.models import Model

from billet.integrity.lookup import Value
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import CODECS, Field

Values = Mapping[str, Value | None]
"""Attributes by name; None for one that is missing."""


def number(value: int) -> Value:
    """Return a number."""
    return {"N": str(value)}


def string(value: str) -> Value:
    """Return a string."""
    return {"S": value}


def serialized(model: type[Model], values: Mapping[str, Any]) -> Values:
    """Return attributes as the API writes them, by their names in the table."""
    attributes = model(**values).serialize(null_check=False)
    names = [getattr(model, name).attr_name for name in values]
    return {name: attributes.get(name) for name in names}


def without_defaults(model: type[Model], item: Item) -> Item:
    """Return the item without the attributes that mean the same as if they were missing."""
    defaults = {one.stored_name: one for one in CODECS[model].fields if one.attribute.null}
    return {
        name: value
        for name, value in item.items()
        if name not in defaults or not _is_default(defaults[name], value)
    }


def _is_default(field: Field, value: Value) -> bool:
    stored = field.attribute.serialize(field.default)
    return stored is not None and are_equal({field.attribute.attr_type: stored}, value)


def pick(item: Item, names: Sequence[str] | set[str]) -> Values:
    """Return some attributes of an item, None for those that it does not have."""
    return {name: item.get(name) for name in names}


def differing(item: Item, values: Values) -> Sequence[str]:
    """Return the names of the attributes that have other values in the item."""
    return [name for name, value in values.items() if not are_equal(item.get(name), value)]


def are_equal(one: Value | None, other: Value | None) -> bool:
    """Return whether two values are equal. DynamoDB does not keep the order of sets."""
    if one is None or other is None:
        return one is other
    return ordered(one) == ordered(other)


def ordered(value: Value) -> Value:
    """Return the value; a set sorted."""
    [(kind, content)] = value.items()
    return {kind: sorted(content)} if kind in ("NS", "SS", "BS") else value


def readable(value: Value) -> Any:
    """Return the value in a readable form."""
    [(kind, content)] = value.items()
    if kind != "N":
        return content if isinstance(content, str) else repr(content)
    return int(content) if content.lstrip("-").isdecimal() else content
