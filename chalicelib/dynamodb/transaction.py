"""Writes that take effect together or not at all.

One write is sent as a PutItem, UpdateItem or DeleteItem; several operations, or a single condition,
as one TransactWriteItems.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from pynamodb.constants import ALL_NEW, ALL_OLD, TRANSACT_WRITE_ITEMS
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from chalicelib.domain.errors import TransactionTooLarge
from chalicelib.dynamodb import client

MAX_OPERATIONS = 100
"""DynamoDB's limit for one transaction."""


class Transaction(msgspec.Struct):
    """A list of operations. Each method that adds one returns its position, by which
    ConditionFailed names it."""

    _operations: list[tuple[str, dict[str, Any]]] = []

    def put(self, item: Model, condition: Condition) -> int:
        """Add a write of a whole item."""
        arguments = item.get_save_kwargs_from_instance(
            condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("Put", arguments)

    def update(
        self, key: Model, actions: Sequence[Action], condition: Condition | None = None
    ) -> int:
        """Add a write of some attributes. It creates the item if there is none."""
        arguments = key.get_update_kwargs_from_instance(
            actions=list(actions), condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("Update", arguments)

    def delete(self, key: Model, condition: Condition | None = None) -> int:
        """Add the removal of an item."""
        arguments = key.get_delete_kwargs_from_instance(
            condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("Delete", arguments)

    def check(self, key: Model, condition: Condition) -> int:
        """Add a condition on an item that does not change."""
        arguments = key.get_delete_kwargs_from_instance(
            condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("ConditionCheck", arguments)

    def commit(self, *, repeatable: bool = False) -> bytes:
        """Send the operations.

        Args:
            repeatable: whether a single operation may be sent again if its reply is lost. A
                transaction always may, because its token makes it take effect once.

        Returns:
            The JSON of the reply. The reply to a single update has all attributes as they are now.

        Raises:
            TransactionTooLarge: there are more than MAX_OPERATIONS.
            ConditionFailed: the conditions at some positions failed; nothing was written.
            LostRace: other writes interfered at every attempt; nothing was written.
            Unavailable: the database is overloaded or did not respond.
        """
        return commit(self._operations, repeatable=repeatable)

    def _add(self, verb: str, arguments: dict[str, Any]) -> int:
        self._operations.append((verb, arguments))
        return len(self._operations) - 1


def commit(operations: Sequence[tuple[str, dict[str, Any]]], *, repeatable: bool) -> bytes:
    """Send operations, each as its verb and arguments. See `Transaction.commit`."""
    if len(operations) > MAX_OPERATIONS:
        raise TransactionTooLarge(len(operations), MAX_OPERATIONS)
    verb, arguments = operations[0]
    if len(operations) == 1 and verb != "ConditionCheck":
        if verb == "Update":
            arguments = {**arguments, "ReturnValues": ALL_NEW}
        return client.dispatch(f"{verb}Item", arguments, repeatable=repeatable)
    transaction = {
        "TransactItems": [{verb: arguments} for verb, arguments in operations],
        "ClientRequestToken": str(uuid.uuid4()),
    }
    return client.dispatch(TRANSACT_WRITE_ITEMS, transaction, repeatable=True)
