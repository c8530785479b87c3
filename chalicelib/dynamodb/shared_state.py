"""The one item that every process keeps a recent copy of: the layout, and who is being deleted.

A read of a list needs both and must not pay a call for them, so each process reads the item again
only when its copy is older than FRESH_SECONDS. Whoever changes the item knows that all copies have
the change after that time.
"""

import time
from typing import Any

import msgspec
from pynamodb.constants import GET_ITEM

from chalicelib.dynamodb import botocore_patches, client
from chalicelib.dynamodb.codec import decoder
from chalicelib.dynamodb.models import CounterModel

NAME = "lanes"
"""The item's key in the table `counters`."""
FRESH_SECONDS = 5.0

monotonic = time.monotonic
wall = time.time


class Shared(msgspec.Struct, frozen=True):
    """The item as it was at some moment."""

    lanes: int
    """The largest number of lanes that was ever in use; 0 if the item does not exist."""
    going: frozenset[int]
    """The ids of the users that are being deleted."""
    monotonic: float
    """The two clocks before the item was read."""
    wall: float

    @property
    def fresh(self) -> bool:
        """Whether both clocks say so: a frozen process finds its monotonic clock where it was."""
        elapsed = monotonic() - self.monotonic, wall() - self.wall
        return all(0 <= seconds < FRESH_SECONDS for seconds in elapsed)


class _Number(msgspec.Struct):
    N: int


class _Numbers(msgspec.Struct):
    NS: list[int]


class _Item(msgspec.Struct):
    lanes: _Number | None = None
    going: _Numbers | None = None


class _Reply(msgspec.Struct):
    Item: _Item | None = None


_REPLY = decoder(_Reply)


def read() -> Shared:
    """The item as last written (one strongly consistent read). Keeps no copy without a layout."""
    clocks = monotonic(), wall()
    arguments = botocore_patches.table_of(CounterModel).get_operation_kwargs(
        NAME, consistent_read=True
    )
    item = _REPLY.decode(client.dispatch(GET_ITEM, arguments, repeatable=True)).Item
    if item is None:
        return Shared(0, frozenset(), *clocks)
    going = frozenset(item.going.NS) if item.going else frozenset[int]()
    shared = Shared(item.lanes.N if item.lanes else 0, going, *clocks)
    if shared.lanes:
        _memory()[NAME] = shared
    return shared


def recent() -> Shared:
    """The item as it was at most FRESH_SECONDS ago."""
    copy = latest()
    return copy if copy is not None and copy.fresh else read()


def latest() -> Shared | None:
    """The copy of this process, however old; None if it has none."""
    copy: Shared | None = _memory().get(NAME)
    return copy


def forget() -> None:
    """Drops the copy of this process, which has just changed the item."""
    _memory().pop(NAME, None)


def _memory() -> dict[str, Any]:
    return client.memory()
