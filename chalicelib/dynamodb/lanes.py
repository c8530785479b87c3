"""Lanes: the shards of the indexes that list a whole table.

A lane is one hash key of such an index. The items of a table are spread over several lanes because
DynamoDB limits the throughput of a single hash key. An item's lane is set when it is created and
never changes. A list reads all lanes and merges them (`lane_queries`).

The database stores the largest number of lanes that was ever in use, the lane count, which only
grows. Readers read that many lanes; a writer uses the first LANES of them. So LANES can be raised
and lowered at any time, and servers may have different values.

A writer whose LANES is above the lane count raises the count, but uses the old lanes until every
reader knows the new count: WAIT_SECONDS, which must be far above shared_state.FRESH_SECONDS. Then
it sets up the id counters for the new count (`counters`), and the new lanes come into use.
"""

import contextlib
import time
from typing import Any

from pynamodb.constants import UPDATE_ITEM

from chalicelib.domain.errors import Unavailable
from chalicelib.dynamodb import botocore_patches, client, shared_state
from chalicelib.dynamodb.models import CounterModel

KINDS = ("users", "tasks")
"""The tables that have ids and are listed by lane."""
WAIT_SECONDS = 60.0
_LANE_COUNT_MIGRATION = 4
"""The first release does not know lane counts. It has stopped when this migration is contracted."""

monotonic = time.monotonic  # stops while Lambda freezes the process, which only makes waits longer


def lane_count() -> int:
    """Return the lane count (strongly consistent read)."""
    return _stored(shared_state.read())


def lanes_to_read() -> int:
    """Return the lane count as it was at most shared_state.FRESH_SECONDS ago."""
    return _stored(shared_state.recent())


def raise_lane_count(count: int) -> int:
    """Raise the lane count to `count` if it is lower, and return it."""
    stored = lane_count()
    if stored >= count:
        return stored
    _store(count)
    return lane_count()


def lanes_to_use() -> int:
    """Return LANES, or the lane count if it is lower and servers of the first release may run.

    Those servers read the lanes of their own LANES only, and set up the counters for that number.
    """
    wanted = client.database.settings.lanes
    if shared_state.contracted() >= _LANE_COUNT_MIGRATION:
        return wanted
    return min(wanted, lanes_to_read())


def remember_lane_count(count: int) -> None:
    """Remember since when this process has seen this lane count."""
    memory = client.database.memory
    if memory.lane_count.lanes != count:
        memory.lane_count = client.SeenLaneCount(count, monotonic())


def is_known_to_all_readers(count: int) -> bool:
    """Return whether this process remembers this lane count since WAIT_SECONDS ago."""
    seen = client.database.memory.lane_count
    return seen.lanes == count and monotonic() - seen.since >= WAIT_SECONDS


def _stored(state: shared_state.SharedState) -> int:
    """Return the lane count, which a migration has stored.

    Raises:
        Unavailable: it is missing.
    """
    if not state.lane_count:
        raise Unavailable("the database has no number of lanes; `billet migrate up` stores it")
    return state.lane_count


def _store(count: int) -> None:
    lower: Any = CounterModel.lanes.does_not_exist() | (CounterModel.lanes < count)
    arguments = botocore_patches.table_of(CounterModel).get_operation_kwargs(
        shared_state.ITEM_NAME, actions=[CounterModel.lanes.set(count)], condition=lower
    )
    with contextlib.suppress(client.ConditionFailed):  # another process has raised it as far
        client.dispatch(UPDATE_ITEM, arguments, repeatable=True)
    shared_state.forget()
