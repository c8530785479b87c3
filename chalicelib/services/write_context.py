"""On what terms a change is made: what it rests on, and what is remembered of it."""

from collections.abc import Callable, Collection
from typing import Any

import msgspec

from chalicelib.domain.errors import Stale
from chalicelib.dynamodb.codec import Claim, Reply
from chalicelib.dynamodb.transaction import Transaction


class Receipt(msgspec.Struct, frozen=True):
    """What is remembered of a change, in the same transaction."""

    claim: Claim
    """Under which key."""
    render: Callable[[Any], Reply]
    """Makes the reply of what the use case gives."""


class WriteContext(msgspec.Struct, frozen=True):
    """What a change rests on, and what is remembered of it."""

    match: Collection[int] | None = None
    """The versions of which the user or task must have one; None: any will do."""
    receipt: Receipt | None = None

    def require(self, kind: str, ident: int, version: int) -> None:
        """Raises Stale where the version is none of those that it must be."""
        if self.match is not None and version not in self.match:
            raise Stale(kind, ident, version)

    def record(self, change: Transaction, result: Any) -> None:
        """Adds to the change what is remembered of it."""
        if self.receipt is not None:
            change.reply(self.receipt.claim, self.receipt.render(result))

    def record_alone(self, result: Any) -> None:
        """Remembers a request that had nothing to change.

        Raises:
            UnderWay: another request has taken the idempotency key over.
        """
        if self.receipt is not None:
            change = Transaction()
            self.record(change, result)
            change.commit(repeatable=True)

    def rendering(self, make: Callable[[Any], Any]) -> "WriteContext":
        """The same, where what the use case gives is first made of what it has, by `make`."""
        if self.receipt is None:
            return self
        render = self.receipt.render
        receipt = Receipt(self.receipt.claim, lambda result: render(make(result)))
        return msgspec.structs.replace(self, receipt=receipt)


UNCONDITIONAL = WriteContext()
"""Whatever the version, and nothing is remembered."""
