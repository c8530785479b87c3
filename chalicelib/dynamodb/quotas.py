"""The requests that all processes together have taken from a principal's quota.

There is one item for each window."""

from datetime import UTC, datetime

import msgspec
from pynamodb.constants import UPDATE_ITEM, UPDATED_NEW

from chalicelib.dynamodb import botocore_patches, client, wire
from chalicelib.dynamodb.models import QuotaModel

KEPT_SECONDS = 60 * 60
"""How long an item is kept after its window, because clocks of processes differ."""


class _Quota(msgspec.Struct):
    used: wire.Number


_QUOTA = wire.decoder(wire.UpdateReply, _Quota)


def take(principal: str, start: int, seconds: int, count: int) -> int:
    """Add `count` requests to those used in a window, in one write, and return the new sum.

    The write needs no condition: each request has a number, and a process admits only those that
    it took and whose number is not above the quota. It is sent once: if the reply is lost, the
    requests are lost with it, but none is admitted twice.

    Args:
        start: the beginning of the window, in seconds since 1970.
        seconds: the length of the window.

    Raises:
        Unavailable: the database is overloaded or does not respond.
    """
    begins = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    arguments = botocore_patches.table_of(QuotaModel).get_operation_kwargs(
        principal,
        f"{begins}/PT{seconds}S",
        actions=[
            QuotaModel.used.add(count),
            QuotaModel.expires.set(start + seconds + KEPT_SECONDS),
        ],
        return_values=UPDATED_NEW,
    )
    body = client.dispatch(UPDATE_ITEM, arguments, repeatable=False, attempts=1)
    used: int = _QUOTA.decode(body).Attributes.used.N
    return used
