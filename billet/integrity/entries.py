"""Tokens and remembered replies, which stand by themselves."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lookup, shape
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import IdempotencyModel, TokenModel


def check_tokens(page: Sequence[Item]) -> Iterator[Finding]:
    """Yields the tokens that are broken. A token is access: only a person may change or end it."""
    for token in page:
        if shape.faults(TokenModel, token):
            yield from settled(TokenModel, lookup.key_of(TokenModel, token), _judge_token)


def check_replies(page: Sequence[Item]) -> Iterator[Finding]:
    """Yields the replies that are broken. One that can't be read is of no use to a repeat."""
    for reply in page:
        if shape.faults(IdempotencyModel, reply):
            yield from settled(
                IdempotencyModel, lookup.key_of(IdempotencyModel, reply), _judge_reply
            )


def _judge_token(token: Item | None) -> Sequence[Finding]:
    if token is None or not (found := shape.faults(TokenModel, token)):
        return []
    key = lookup.key_of(TokenModel, token)
    return [Finding("broken-token", TokenModel, key, shape.told(found))]


def _judge_reply(reply: Item | None) -> Sequence[Finding]:
    if reply is None or not (found := shape.faults(IdempotencyModel, reply)):
        return []
    key, repair = lookup.key_of(IdempotencyModel, reply), partial(_drop, reply)
    return [Finding("broken-reply", IdempotencyModel, key, shape.told(found), repair)]


def _drop(reply: Item) -> None:
    transaction = RawTransaction()
    transaction.delete(IdempotencyModel, lookup.key_of(IdempotencyModel, reply), reply)
    transaction.commit()
