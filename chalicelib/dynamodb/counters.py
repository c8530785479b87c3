"""Unique ids from counters.

Each lane has a counter of its own, so that no counter is a hot key. The counter of lane n gives the
ids with remainder n modulo the stride, the number of lanes that the counters are set up for. Every
counter stores the stride. A writer with LANES=k uses the counters of the lanes 0 to k-1. So servers
with different LANES share one set of counters, and with LANES=1 ids are in order.

The counters are set up again only if the lane count has grown (`lanes`): above all ids that were
allocated, in one transaction with a condition on each of the MAX_LANES counters, also on those that
are missing, because reading them is no snapshot.

No counter passes MAX_ID, because the API refuses greater ids in requests.
"""

import itertools
import random
from typing import Any

import msgspec
from pynamodb.constants import ALL_OLD, UPDATE_ITEM, UPDATED_NEW

from chalicelib.domain.errors import IdsUsedUp, LostRace, Unavailable
from chalicelib.domain.ids import MAX_ID
from chalicelib.dynamodb import backoff, client, lanes, stored_counters, wire
from chalicelib.dynamodb.models import CounterModel
from chalicelib.dynamodb.transaction import Transaction

SETUP_ATTEMPTS = 5
SLACK = 64
"""The number of ids of each lane that the second attempt to set up counters skips. Each further
attempt skips eight times as many, so that one succeeds although ids are allocated all the time."""


class _Counter(msgspec.Struct):
    last: wire.Number


_COUNTER = wire.decoder(wire.UpdateReply, _Counter)


def allocate_id(kind: str) -> int:
    """Return a new id of `kind` ("users", "tasks"). One write if this process knows the stride.

    Raises:
        LostRace: other writes interfered at every attempt.
        IdsUsedUp: the ids would be greater than MAX_ID.
        Unavailable: the counters changed at every attempt, or the database does not respond.
    """
    return allocate_block(kind, 1)[0]


def allocate_block(kind: str, count: int) -> range:
    """Return `count` new ids of one lane, ascending. One write if this process knows the stride.

    Raises:
        LostRace, IdsUsedUp, Unavailable: see `allocate_id`.
    """
    return _take(kind, random.randrange(_usable_lanes(kind)), count)  # noqa: S311


def allocate_ids(kind: str, count: int) -> list[int]:
    """Return `count` new ids of `kind`, ascending, with one write for each lane.

    Raises:
        LostRace, IdsUsedUp, Unavailable: see `allocate_id`.
    """
    lane_count = _usable_lanes(kind)
    share, rest = divmod(count, lane_count)
    # Lane 0 comes last, so that the first ids of a new table are 1 to `count`.
    shares = [share + ((lane - 1) % lane_count < rest) for lane in range(lane_count)]
    taken = (_take(kind, lane, share) for lane, share in enumerate(shares) if share)
    return sorted(itertools.chain.from_iterable(taken))


def lane_of_new(kind: str, ident: int) -> int:
    """Return the lane of an item that has just been given its id; for an older one, a guess."""
    return ident % _stride(kind)


def _stride(kind: str) -> int:
    """Return the stride as this process knows it. The counters themselves correct it."""
    database = client.database
    return database.memory.strides.get(kind) or database.settings.lanes


def _remember_stride(kind: str, stride: int) -> None:
    strides = client.database.memory.strides
    strides[kind] = max(stride, strides.get(kind, 0))  # a stride never decreases


def _usable_lanes(kind: str) -> int:
    """Return the number of lanes that this process may use."""
    wanted, stride = client.database.settings.lanes, _stride(kind)
    if wanted > stride and lanes.lanes_to_use() > stride and _setup_due():
        _agree_on_stride(kind)
    return min(wanted, _stride(kind))


def _setup_due() -> bool:
    announced = client.database.memory.lane_count.lanes
    return not announced or lanes.is_known_to_all_readers(announced)


def _take(kind: str, lane: int, count: int) -> range:
    for _ in backoff.attempts(SETUP_ATTEMPTS):
        stride = _stride(kind)
        try:
            taken = _count(f"{kind}#{lane % stride}", count, stride)
        except client.ConditionFailed as failed:
            counter = failed.found[0]
            if _is_used_up(counter, count, stride):
                raise IdsUsedUp(kind) from failed
            _learn_stride(kind, counter)
        else:
            _remember_stride(kind, stride)
            return taken
    raise Unavailable


def _count(name: str, count: int, stride: int) -> range:
    arguments = CounterModel(name).get_update_kwargs_from_instance(
        actions=[CounterModel.last.add(count * stride)],
        condition=(CounterModel.lanes == stride) & (CounterModel.last <= _limit(count, stride)),
        return_values_on_condition_failure=ALL_OLD,
    )
    arguments["ReturnValues"] = UPDATED_NEW
    # If the reply is lost, its ids are never used, so repeating the call is harmless.
    body = client.dispatch(UPDATE_ITEM, arguments, repeatable=True)
    last: int = _COUNTER.decode(body).Attributes.last.N
    return range(last - (count - 1) * stride, last + 1, stride)


def _limit(count: int, stride: int) -> int:
    """Return the last id of a counter that has just enough ids left."""
    return MAX_ID - count * stride


def _is_used_up(counter: client.Item | None, count: int, stride: int) -> bool:
    """Return whether a counter with this stride has too few ids left."""
    if not counter or not {"lanes", "last"} <= counter.keys():
        return False
    last, lane_count = int(counter["last"]["N"]), int(counter["lanes"]["N"])
    return lane_count == stride and last > _limit(count, stride)


def _learn_stride(kind: str, counter: client.Item | None) -> None:
    """Learn the stride from a counter that has another one, if it is within the lane count."""
    stride = int(counter["lanes"]["N"]) if counter and "lanes" in counter else 0
    if client.database.memory.strides.get(kind, 0) < stride <= lanes.lane_count():
        _remember_stride(kind, stride)
    else:  # the counter is missing, or the counters have different strides
        _agree_on_stride(kind)


def _agree_on_stride(kind: str) -> None:
    """Raise the lane count to LANES, and set up the counters for it once all readers know it.

    Until then the counters keep their stride."""
    lane_count = lanes.raise_lane_count(lanes.lanes_to_use())
    lanes.remember_lane_count(lane_count)
    ready = lanes.is_known_to_all_readers(lane_count)
    counters = stored_counters.read(kind)
    stride = stored_counters.agreed_lanes(counters)
    if stored_counters.are_set_up(kind, counters, stride) and (stride >= lane_count or not ready):
        _remember_stride(kind, stride)
    else:
        set_up(kind, stride=lane_count if ready else stride or 1)


def set_up(kind: str, above: int = 0, stride: int | None = None) -> None:
    """Set up the counters for a stride, above all allocated ids. Does nothing if they are set up.

    Args:
        above: an id that was allocated although the counters may not include it.
        stride: the number of lanes. None takes the stride in the counters, or the lane count.
    """
    for attempt in backoff.attempts(SETUP_ATTEMPTS):
        counters = {counter.name: counter for counter in stored_counters.read(kind)}
        implied = stored_counters.agreed_lanes(counters.values())
        target = max(implied, stride or implied or lanes.lane_count())
        if not above and stored_counters.are_set_up(kind, counters.values(), target):
            break
        lanes.raise_lane_count(target)
        if _try_set_up(kind, counters, target, above, _slack(attempt)):
            break
    else:
        raise Unavailable
    _remember_stride(kind, target)


def _slack(attempt: int) -> int:
    return 0 if attempt == 1 else int(SLACK * 8 ** (attempt - 2))


def _try_set_up(
    kind: str, counters: dict[str, CounterModel], stride: int, above: int, slack: int
) -> bool:
    """Set up the counters `slack` ids above their values. Return False if they changed."""
    highest = max([above, *(int(counter.last or 0) for counter in counters.values())])
    if counters:
        highest += stride * slack
    transaction = Transaction()
    for lane, name in enumerate(stored_counters.names(kind)):
        unchanged = _unchanged(counters.get(name), highest)
        if lane < stride:
            last = highest - (highest - lane) % stride
            transaction.put(CounterModel(name, last=last, lanes=stride), unchanged)
        elif name in counters:
            transaction.delete(CounterModel(name), unchanged)
        else:
            transaction.check(CounterModel(name), unchanged)
    try:
        transaction.commit()
    except (client.ConditionFailed, LostRace):
        return False
    return True


def _unchanged(counter: CounterModel | None, highest: int) -> Any:
    """Return the condition that a counter is as it was read, or allocated ids up to `highest`."""
    if counter is None:
        return CounterModel.name.does_not_exist()
    return (CounterModel.lanes == counter.lanes) & (CounterModel.last <= highest)
