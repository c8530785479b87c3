"""Idempotency keys: which request holds one, and the response of the request that had it.

A request locks its key before it does anything. Its response is written in the same transaction as
its other writes, on condition that it still holds the lock. So there are both or neither, whatever
other requests come with the key and wherever the process dies:

    no item ──acquire──▶ locked ──the request's transaction──▶ with response ──24 h──▶ as no item
       ▲                 │   │ ▲
       └─────release─────┘   └─┘ the lease is over: the next request with the key takes the lock,
         failed, no effect       and the writes of the first one fail from then on
"""

import logging
import math
import uuid
from collections.abc import Mapping

import msgspec

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


class _Item(msgspec.Struct):
    fingerprint: wire.String
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
    lock = Lock(key, uuid.uuid4().hex)
    lost = (IdempotencyModel.lease < now) | (IdempotencyModel.owner == lock.owner)
    free = IdempotencyModel.key.does_not_exist() | (IdempotencyModel.expires < now)
    item = IdempotencyModel(
        key,
        fingerprint=fingerprint,
        owner=lock.owner,
        lease=now + math.ceil(min(time_budget.left(), KEPT_SECONDS)) + LEASE_SECONDS,
        expires=now + KEPT_SECONDS,
    )
    transaction = Transaction()
    transaction.put(item, free | (IdempotencyModel.reply.does_not_exist() & lost))
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed as failed:
        return _stored_response(failed.found[0], fingerprint)
    return lock


def claim(key: str, fingerprint: str) -> None:
    """Keep a key for requests with this fingerprint, whose parts have keys of their own.

    Raises:
        KeyReused: another request had the key.
    """
    now = clock.seconds()
    item = IdempotencyModel(
        key,
        fingerprint=fingerprint,
        owner=uuid.uuid4().hex,
        lease=now,
        reply=msgspec.json.encode(StoredResponse(200, {}, "")).decode(),
        expires=now + KEPT_SECONDS,
    )
    lost = IdempotencyModel.reply.does_not_exist() & (IdempotencyModel.lease < now)
    free = IdempotencyModel.key.does_not_exist() | (IdempotencyModel.expires < now) | lost
    transaction = Transaction()
    transaction.put(item, free | (IdempotencyModel.fingerprint == fingerprint))
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed:
        raise KeyReused from None


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
    try:
        transaction.commit(repeatable=True)
    except client.ConditionFailed:
        pass  # the transaction took effect after all, or another request has the lock
    except (LostRace, Unavailable) as error:
        log.warning("an idempotency key stays locked until its lease is over: %s", error)


def _stored_response(item: client.Item | None, fingerprint: str) -> StoredResponse:
    record = msgspec.convert(item, _Item)
    if fingerprint != record.fingerprint.S:
        raise KeyReused
    if record.reply is None:
        raise RequestInProgress
    return msgspec.json.decode(record.reply.S, type=StoredResponse)
