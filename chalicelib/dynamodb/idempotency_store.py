"""Idempotency keys: which request holds one, and the response of the request that had it.

A request locks its key before it does anything. Its response is written in the same transaction as
its other writes, on condition that it still holds the lock. So there are both or neither, whatever
other requests come with the key and wherever the process dies:

    no item ──acquire──▶ locked ──the request's transaction──▶ with response ──24 h──▶ as no item
       ▲                 │   │ ▲
       └─────release─────┘   └─┘ the lease is over: the next request with the key takes the lock,
         failed, no effect       and the writes of the first one fail from then on

A request whose parts run by themselves claims its key: it holds the lock until it ends, and the key
stays with equal requests for 24 h. Its parts have keys of their own.
"""

import logging
import math
import uuid
from collections.abc import Mapping

import msgspec
from pynamodb.expressions.condition import Condition

from chalicelib import time_budget
from chalicelib.domain.errors import KeyReused, LostRace, RequestInProgress, Unavailable
from chalicelib.dynamodb import client, clock, wire
from chalicelib.dynamodb.models import IdempotencyModel
from chalicelib.dynamodb.transaction import Transaction

log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60
LEASE_SECONDS = 5
"""How long a lock is held after its request's time is up, for clocks that differ."""


class Lock(msgspec.Struct, frozen=True):
    """A running request's lock on an idempotency key."""

    key: str
    owner: str
    """A random word that tells this request from one that takes over the lock."""


class StoredResponse(msgspec.Struct, frozen=True):
    """The response to a request. Its JSON is stored in the attribute `reply`."""

    status: int
    headers: Mapping[str, str]
    body: str


class Claim(msgspec.Struct, frozen=True):
    """A running request's lock on an idempotency key whose parts run by themselves."""

    lock: Lock
    expires: int
    """When the key is free again, in seconds since 1970: the same for all repeats of a request."""


_CLAIMED = msgspec.json.encode(StoredResponse(200, {}, "")).decode()
"""The response of a claimed key, which nobody gets. It keeps the key for equal requests."""


class _Item(msgspec.Struct):
    fingerprint: wire.String
    expires: wire.Number
    reply: wire.String | None = None


def acquire(key: str, fingerprint: str) -> Lock | StoredResponse:
    """Lock a key, or return the response of the request that had it before.

    Args:
        fingerprint: equal for equal requests.

    Raises:
        KeyReused: another request had the key.
        RequestInProgress: the same request holds the lock.
    """
    now = clock.seconds()
    item = _locked(key, fingerprint, now)
    free = IdempotencyModel.key.does_not_exist() | (IdempotencyModel.expires < now)
    transaction = Transaction()
    transaction.put(item, free | _abandoned(now) | (IdempotencyModel.owner == item.owner))
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed as failed:
        found = _found(failed, fingerprint)
        if found.reply is None:
            raise RequestInProgress from None
        return msgspec.json.decode(found.reply.S, type=StoredResponse)
    return Lock(key, item.owner)


def claim(key: str, fingerprint: str) -> Claim:
    """Lock a key for a request whose parts have keys of their own, which `end_claim` gives up.

    Args:
        fingerprint: equal for equal requests.

    Raises:
        KeyReused: another request had the key.
        RequestInProgress: the same request holds the lock.
    """
    now = clock.seconds()
    item = _locked(key, fingerprint, now)
    item.reply = _CLAIMED
    # A claim that expires during this request counts as expired. Otherwise the keys of its first
    # operations would still hold, and those of the later ones would not.
    over = (IdempotencyModel.expires < item.lease) & (IdempotencyModel.lease < now)
    free = IdempotencyModel.key.does_not_exist() | over | _abandoned(now)
    transaction = Transaction()
    transaction.put(item, free | (IdempotencyModel.owner == item.owner))
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed as failed:
        return _claim_again(item, _found(failed, fingerprint).expires.N, now)
    return Claim(Lock(key, item.owner), int(item.expires))


def _claim_again(item: IdempotencyModel, expires: int, now: int) -> Claim:
    """Lock a claimed key unless a request holds it. It expires when it did before."""
    lost = (IdempotencyModel.expires == expires) & (IdempotencyModel.lease < now)
    actions = [IdempotencyModel.owner.set(item.owner), IdempotencyModel.lease.set(item.lease)]
    key = IdempotencyModel(item.key)
    transaction = Transaction()
    transaction.update(key, actions, lost | (IdempotencyModel.owner == item.owner))
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed:
        raise RequestInProgress from None
    return Claim(Lock(item.key, item.owner), expires)


def end_claim(claim: Claim) -> None:
    """Give up the lock of a claim, so that a repeated request runs again."""
    transaction = Transaction()
    transaction.update(
        IdempotencyModel(claim.lock.key),
        [IdempotencyModel.lease.set(0)],
        IdempotencyModel.owner == claim.lock.owner,
    )
    _give_up(transaction)


def store_response(transaction: Transaction, lock: Lock, response: StoredResponse) -> int:
    """Add the response to the transaction, on condition that the lock is still held."""
    text = msgspec.json.encode(response).decode()
    held = IdempotencyModel.owner == lock.owner
    key = IdempotencyModel(lock.key)
    return transaction.update(key, [IdempotencyModel.reply.set(text)], held)


def release(lock: Lock) -> None:
    """Give up the lock unless the response is stored, so that a repeated request runs again.

    A transaction of the request that is still on its way then fails.
    """
    transaction = Transaction()
    held = (IdempotencyModel.owner == lock.owner) & IdempotencyModel.reply.does_not_exist()
    transaction.delete(IdempotencyModel(lock.key), held)
    _give_up(transaction)


def _give_up(transaction: Transaction) -> None:
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed:
        pass  # the transaction took effect after all, or another request has the lock
    except (LostRace, Unavailable) as error:
        log.warning("an idempotency key stays locked until its lease is over: %s", error)


def _locked(key: str, fingerprint: str, now: int) -> IdempotencyModel:
    return IdempotencyModel(
        key,
        fingerprint=fingerprint,
        owner=uuid.uuid4().hex,
        lease=now + math.ceil(min(time_budget.left(), KEPT_SECONDS)) + LEASE_SECONDS,
        expires=now + KEPT_SECONDS,
    )


def _abandoned(now: int) -> Condition:
    condition: Condition = IdempotencyModel.reply.does_not_exist() & (IdempotencyModel.lease < now)
    return condition


def _found(failed: client.ConditionFailed, fingerprint: str) -> _Item:
    """Return the item that a failed condition found; raise KeyReused if another request had it."""
    item = msgspec.convert(failed.found[0], _Item, strict=False)
    if fingerprint != item.fingerprint.S:
        raise KeyReused
    return item
