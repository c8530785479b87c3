"""Transactions on items in DynamoDB's form, on condition that nobody else has changed them."""

import uuid
from typing import Any

from pynamodb.constants import TRANSACT_WRITE_ITEMS
from pynamodb.models import Model

from billet.integrity.lookup import Value, key_names
from billet.integrity.wire import Values
from chalicelib.dynamodb import client
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.transaction import MAX_OPERATIONS


class RawTransaction:
    """Writes that take effect together or not at all. Other attributes stay as they are."""

    def __init__(self) -> None:
        self._operations: list[dict[str, Any]] = []

    @property
    def room(self) -> int:
        """The number of further operations that fit."""
        return MAX_OPERATIONS - len(self._operations)

    def update(
        self,
        model: type[Model],
        key: Item,
        values: Values,
        same: Values,
        *,
        add: Item | None = None,
        without: Item | None = None,
    ) -> None:
        """Add an update of attributes, if those in `same` have these values.

        It creates the item if there is none and `same` allows that.

        Args:
            add: numbers to add to attributes.
            without: elements to remove from sets.
        """
        words = _Words()
        values = {name: value for name, value in values.items() if name not in key_names(model)}
        sets = [f"{words.name(n)} = {words.value(v)}" for n, v in values.items() if v is not None]
        removes = [words.name(name) for name, value in values.items() if value is None]
        adds = [f"{words.name(name)} {words.value(value)}" for name, value in (add or {}).items()]
        takes = [f"{words.name(n)} {words.value(value)}" for n, value in (without or {}).items()]
        parts = {"SET": sets, "REMOVE": removes, "ADD": adds, "DELETE": takes}
        expression = " ".join(f"{verb} {', '.join(one)}" for verb, one in parts.items() if one)
        self._add("Update", model, key, words, same, UpdateExpression=expression)

    def delete(self, model: type[Model], key: Item, same: Values) -> None:
        """Add the removal of an item, if the attributes in `same` have these values."""
        self._add("Delete", model, key, _Words(), same)

    def check(self, model: type[Model], key: Item, same: Values) -> None:
        """Add a condition on an item that does not change."""
        self._add("ConditionCheck", model, key, _Words(), same)

    def commit(self) -> None:
        """Send the operations.

        Raises:
            ConditionFailed: something changed since it was read; nothing was written.
            LostRace: other writes interfered at every attempt; nothing was written.
            Unavailable: the database is overloaded or did not respond.
        """
        if len(self._operations) == 1 and "ConditionCheck" not in self._operations[0]:
            [(verb, arguments)] = self._operations[0].items()
            client.dispatch(f"{verb}Item", arguments, repeatable=True)
            return
        arguments = {
            "TransactItems": self._operations,
            "ClientRequestToken": str(uuid.uuid4()),
        }
        client.dispatch(TRANSACT_WRITE_ITEMS, arguments, repeatable=True)

    def _add(
        self,
        verb: str,
        model: type[Model],
        key: Item,
        words: "_Words",
        same: Values,
        **more: str,
    ) -> None:
        if same:
            more["ConditionExpression"] = " AND ".join(words.same(*one) for one in same.items())
        place = {"TableName": model.Meta.table_name, "Key": key}
        self._operations.append({verb: {**place, **more, **words.defined()}})


class _Words:
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

    def same(self, name: str, value: Value | None) -> str:
        if value is None:
            return f"attribute_not_exists({self.name(name)})"
        return f"{self.name(name)} = {self.value(value)}"

    def defined(self) -> dict[str, Any]:
        names = {word: name for name, word in self._names.items()}
        found = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": self._values}
        return {word: one for word, one in found.items() if one}
