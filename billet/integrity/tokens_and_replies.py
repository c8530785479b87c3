"""Tokens and idempotency keys, which are independent of other items."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lookup, shape, wire
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction, set_attributes
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import token_expiry
from chalicelib.dynamodb.models import IdempotencyModel, TokenModel


def check_tokens(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield broken tokens. A token grants access, so only a person may change or remove it; but the
    time at which DynamoDB removes it follows from its `expires_at`."""
    for token in page:
        if _judge_token(token):
            yield from settled(TokenModel, lookup.key_of(TokenModel, token), _judge_token)


def check_replies(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield broken idempotency keys. One that can't be read does not help a repeated request."""
    for reply in page:
        if shape.faults(IdempotencyModel, reply):
            yield from settled(
                IdempotencyModel, lookup.key_of(IdempotencyModel, reply), _judge_reply
            )


def _judge_token(token: Item | None) -> Sequence[Finding]:
    if token is None:
        return []
    key = lookup.key_of(TokenModel, token)
    found = dict(shape.faults(TokenModel, token))
    found.pop("expires", None)
    if found:
        return [Finding("broken-token", TokenModel, key, shape.describe(found))]
    expiry = token_expiry(token.get("expires_at", {}).get("S"))
    right = None if expiry is None else wire.number(expiry)
    if token.get("expires") == right:
        return []
    repair = partial(set_attributes, TokenModel, token, {"expires": right}, {"expires_at"})
    detail = "expires differs from expires_at"
    return [Finding("wrong-expiry", TokenModel, key, detail, repair)]


def _judge_reply(reply: Item | None) -> Sequence[Finding]:
    if reply is None or not (found := shape.faults(IdempotencyModel, reply)):
        return []
    key, repair = lookup.key_of(IdempotencyModel, reply), partial(_drop, reply)
    return [Finding("broken-reply", IdempotencyModel, key, shape.describe(found), repair)]


def _drop(reply: Item) -> None:
    transaction = RawTransaction()
    transaction.delete(IdempotencyModel, lookup.key_of(IdempotencyModel, reply), reply)
    transaction.commit()
