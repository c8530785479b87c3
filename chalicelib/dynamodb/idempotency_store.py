"""Idempotency keys: who holds one, and what the request that had it was answered.

A key is claimed before a request is carried out, and its reply is written in the same transaction
as what the request changes, on condition that the claim still holds (`Transaction.reply`). So there
are either both or neither, whoever else comes with the key and wherever the process dies:

    no item ──claim──▶ claimed ──the request's transaction──▶ with reply ──24 h──▶ as if no item
       ▲               │   │ ▲
       └────release────┘   └─┘ the lease is over: the next request with the key claims it,
        refused, no effect     and the first can't change anything any more
"""

import logging
import math
import uuid

import msgspec

from chalicelib import time_budget
from chalicelib.domain.errors import KeyReused, LostRace, Unavailable, UnderWay
from chalicelib.dynamodb import client, clock
from chalicelib.dynamodb.codec import Claim, KeyItem, Reply
from chalicelib.dynamodb.models import IdempotencyModel
from chalicelib.dynamodb.transaction import Transaction

log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60
LEASE_SECONDS = 5
"""How long a claim holds beyond the deadline of its request, for clocks that differ."""


def claim(key: str, fingerprint: str) -> Claim | Reply:
    """Takes hold of a key, or gives what the request that had it before was answered.

    Args:
        fingerprint: the same for the same request.

    Raises:
        KeyReused: that was another request.
        UnderWay: that request has not ended yet.
    """
    now = clock.seconds()
    mine = Claim(key, uuid.uuid4().hex)
    lost = (IdempotencyModel.lease < now) | (IdempotencyModel.owner == mine.owner)
    free = IdempotencyModel.key.does_not_exist() | (IdempotencyModel.expires < now)
    item = IdempotencyModel(
        key,
        fingerprint=fingerprint,
        owner=mine.owner,
        lease=now + math.ceil(min(time_budget.left(), KEPT_SECONDS)) + LEASE_SECONDS,
        expires=now + KEPT_SECONDS,
    )
    change = Transaction()
    change.put(item, free | (IdempotencyModel.reply.does_not_exist() & lost))
    try:
        change.commit(repeatable=True)
    except client.ConditionFailed as failed:
        return _earlier(failed.found[0], fingerprint)
    return mine


def release(claim: Claim) -> None:
    """Gives a key back, so that the same request is decided anew, unless it has its reply already.

    A transaction of the request that is still on its way finds the claim gone, and does nothing.
    """
    change = Transaction()
    held = (IdempotencyModel.owner == claim.owner) & IdempotencyModel.reply.does_not_exist()
    change.delete(IdempotencyModel(claim.key), held)
    try:
        change.commit(repeatable=True)
    except client.ConditionFailed:
        pass  # it was carried out after all, or another request has taken over
    except (LostRace, Unavailable) as error:
        log.warning("a key stays claimed until its lease is over: %s", error)


def _earlier(item: client.Item | None, fingerprint: str) -> Reply:
    found = msgspec.convert(item, KeyItem)
    if fingerprint != found.fingerprint.S:
        raise KeyReused
    if found.reply is None:
        raise UnderWay
    return msgspec.json.decode(found.reply.S, type=Reply)
