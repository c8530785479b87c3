"""Transactions on items in DynamoDB's form, on condition that nobody else has changed them."""

from collections.abc import Iterable
from typing import Any

from pynamodb.models import Model

from billet.integrity import wire
from billet.integrity.lookup import Value, key_names, key_of
from billet.integrity.wire import Values
from chalicelib.dynamodb import transaction
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.transaction import MAX_OPERATIONS


class RawTransaction:
    """Writes that take effect together or not at all. Other attributes stay as they are."""

    def __init__(self) -> None:
        self._operations: list[tuple[str, dict[str, Any]]] = []

    @property
    def room(self) -> int:
        """The number of further operations that fit."""
        return MAX_OPERATIONS - len(self._operations)

    def update(
        self,
        model: type[Model],
        key: Item,
        values: Values,
        expected: Values,
        *,
        add: Item | None = None,
        without: Item | None = None,
    ) -> None:
        """Add an update of attributes, if those in `expected` have these values.

        It creates the item if there is none and `expected` allows that.

        Args:
            add: numbers to add to attributes.
            without: elements to remove from sets.
        """
        placeholders = _Placeholders()
        values = {name: value for name, value in values.items() if name not in key_names(model)}
        sets = [
            f"{placeholders.name(n)} = {placeholders.value(v)}"
            for n, v in values.items()
            if v is not None
        ]
        removes = [placeholders.name(name) for name, value in values.items() if value is None]
        adds = [
            f"{placeholders.name(name)} {placeholders.value(value)}"
            for name, value in (add or {}).items()
        ]
        takes = [
            f"{placeholders.name(n)} {placeholders.value(value)}"
            for n, value in (without or {}).items()
        ]
        parts = {"SET": sets, "REMOVE": removes, "ADD": adds, "DELETE": takes}
        expression = " ".join(f"{verb} {', '.join(one)}" for verb, one in parts.items() if one)
        self._add("Update", model, key, placeholders, expected, UpdateExpression=expression)

    def delete(self, model: type[Model], key: Item, expected: Values) -> None:
        """Add the removal of an item, if the attributes in `expected` have these values."""
        self._add("Delete", model, key, _Placeholders(), expected)

    def check(self, model: type[Model], key: Item, expected: Values) -> None:
        """Add a condition on an item that does not change."""
        self._add("ConditionCheck", model, key, _Placeholders(), expected)

    def commit(self) -> None:
        """Send the operations.

        Raises:
            ConditionFailed: something changed since it was read; nothing was written.
            LostRace: other writes interfered at every attempt; nothing was written.
            Unavailable: the database is overloaded or did not respond.
        """
        transaction.commit(self._operations, repeatable=True)

    def _add(
        self,
        verb: str,
        model: type[Model],
        key: Item,
        placeholders: "_Placeholders",
        expected: Values,
        **more: str,
    ) -> None:
        if expected:
            more["ConditionExpression"] = " AND ".join(
                placeholders.equals(*one) for one in expected.items()
            )
        place = {"TableName": model.Meta.table_name, "Key": key}
        self._operations.append((verb, {**place, **more, **placeholders.defined()}))


def set_attributes(
    model: type[Model], item: Item, values: Values, also_expected: Iterable[str] = ()
) -> None:
    """Set attributes of an item, and remove those whose value is None.

    Args:
        also_expected: the names of attributes that must not have changed since the item was read,
            in addition to the key and those in `values`.

    Raises:
        ConditionFailed: an attribute has changed; nothing was written.
    """
    expected = wire.pick(item, {*key_names(model), *also_expected, *values})
    raw = RawTransaction()
    raw.update(model, key_of(model, item), values, expected)
    raw.commit()


class _Placeholders:
    """The placeholders in an expression."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Value] = {}

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#{len(self._names)}")

    def value(self, value: Value) -> str:
        word = f":{len(self._values)}"
        self._values[word] = value
        return word

    def equals(self, name: str, value: Value | None) -> str:
        if value is None:
            return f"attribute_not_exists({self.name(name)})"
        return f"{self.name(name)} = {self.value(value)}"

    def defined(self) -> dict[str, Any]:
        names = {word: name for name, word in self._names.items()}
        arguments = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": self._values}
        return {word: value for word, value in arguments.items() if value}
