"""One item that every process has a recent copy of: the lane count, the users being deleted, and
the version of the schema (`schema_version`).

Every read of a list needs the first two and should not pay a call for them. So a process reads the
item again only if its copy is older than FRESH_SECONDS. After that time, a change is known to all.
"""

import time

import msgspec
from pynamodb.constants import GET_ITEM

from chalicelib.dynamodb import botocore_patches, client, wire
from chalicelib.dynamodb.models import CounterModel

ITEM_NAME = "lanes"
"""The item's key in the table `counters`."""
FRESH_SECONDS = 5.0

monotonic = time.monotonic
wall = time.time


class SharedState(msgspec.Struct, frozen=True):
    """The item as it was at some time."""

    lane_count: int
    """The largest number of lanes that was ever in use; 0 if it is not stored."""
    deleting_users: frozenset[int]
    """The ids of the users that are being deleted."""
    monotonic: float
    """The monotonic clock before the read."""
    wall: float
    """The wall clock before the read."""

    @property
    def fresh(self) -> bool:
        """Whether both clocks say so. The monotonic clock stops while Lambda freezes a process."""
        elapsed = monotonic() - self.monotonic, wall() - self.wall
        return all(0 <= seconds < FRESH_SECONDS for seconds in elapsed)


class _Item(msgspec.Struct):
    lanes: wire.Number = wire.Number(0)
    going: wire.NumberSet = wire.NumberSet([])
    schema: wire.Number = wire.Number(0)
    contracted: wire.Number = wire.Number(0)


_REPLY = wire.decoder(wire.GetReply, _Item)


def read() -> SharedState:
    """Return the item (strongly consistent read). Keeps a copy if it has a lane count."""
    clocks = monotonic(), wall()
    arguments = botocore_patches.table_of(CounterModel).get_operation_kwargs(
        ITEM_NAME, consistent_read=True
    )
    item = _REPLY.decode(client.dispatch(GET_ITEM, arguments, repeatable=True)).Item
    if item is None:
        client.database.memory.schema = (0, 0)
        return SharedState(0, frozenset(), *clocks)
    client.database.memory.schema = (item.schema.N, item.contracted.N)
    state = SharedState(item.lanes.N, frozenset(item.going.NS), *clocks)
    if state.lane_count:
        client.database.memory.shared_state = state
    return state


def recent() -> SharedState:
    """Return the item as it was at most FRESH_SECONDS ago."""
    copy: SharedState | None = client.database.memory.shared_state
    return copy if copy is not None and copy.fresh else read()


def contracted() -> int:
    """Return the last migration whose contract has begun, as of at most FRESH_SECONDS ago."""
    recent()
    return client.database.memory.schema[1]


def forget() -> None:
    """Drop this process's copy. Call it after a change of the item."""
    client.database.memory.shared_state = None
