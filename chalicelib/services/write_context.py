"""What a write depends on, and the record of it under an idempotency key."""

from collections.abc import Callable, Collection
from typing import Any

import msgspec

from chalicelib.domain.errors import RequestInProgress, Stale
from chalicelib.dynamodb import idempotency_store
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.idempotency_store import Lock, StoredResponse
from chalicelib.dynamodb.transaction import Transaction


class IdempotencyRecord(msgspec.Struct, frozen=True):
    """The response that is to be stored in the same transaction as the writes of the request."""

    lock: Lock
    render: Callable[[Any], StoredResponse]
    """Makes the response from what the service function returns. It is called before the commit,
    because the response is part of the transaction, and once more for each further attempt."""


class WriteContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a write depends on, and what is recorded of it."""

    if_match: Collection[int] | None = None
    """The versions that the user or task may have; None accepts all."""
    record: IdempotencyRecord | None = None

    def require(self, kind: str, ident: int, version: int) -> None:
        """Raise Stale if the version is none of those that it may be."""
        if self.if_match is not None and version not in self.if_match:
            raise Stale(kind, ident, version)

    def commit(self, transaction: Transaction, result: Any) -> bytes:
        """Commit the transaction, together with the record if there is one.

        Args:
            result: what the service function will return.

        Returns:
            The JSON of DynamoDB's reply.

        Raises:
            RequestInProgress: another request has taken over the idempotency key. Nothing was
                written.
            ConditionFailed, LostRace, Unavailable: see `Transaction.commit`.
        """
        if self.record is None:
            return transaction.commit()
        response = self.record.render(result)
        position = idempotency_store.store_response(transaction, self.record.lock, response)
        try:
            # The record alone may be sent twice: it has the same effect as once.
            return transaction.commit(repeatable=True)
        except ConditionFailed as failed:
            if position in failed.found:
                raise RequestInProgress from None
            raise

    def commit_record(self, result: Any) -> None:
        """Commit the record of a request that had nothing to write.

        Raises:
            RequestInProgress: another request has taken over the idempotency key.
        """
        if self.record is not None:
            self.commit(Transaction(), result)


NO_CONTEXT = WriteContext()
"""Accepts all versions and records nothing."""
