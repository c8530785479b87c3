"""Handing out ids, never one twice.

Each lane has a counter of its own and hands out the ids of its own residue, so that no counter is
one hot key. All counters of a kind carry the number of lanes that they are laid out for, the
stride. A writer with LANES=k uses the counters of the lanes 0 to k-1, whatever the stride. So
servers with different LANES share one set of counters, and with LANES=1 ids are in order.

The counters are laid out anew only when the layout has grown (`lanes`), above all ids handed out,
in one transaction with a condition on each of the MAX_LANES counters, also on those that are
missing: reading them is no snapshot.
"""

import itertools
import random
from collections.abc import Iterable
from typing import Any

import msgspec
from pynamodb.constants import ALL_OLD, UPDATE_ITEM, UPDATED_NEW

from chalicelib.domain.errors import LostRace, Unavailable
from chalicelib.dynamodb import backoff, botocore_patches, client, lanes
from chalicelib.dynamodb.codec import decoder
from chalicelib.dynamodb.models import CounterModel
from chalicelib.dynamodb.transaction import Transaction

LAYOUT_ATTEMPTS = 5
SLACK = 64
"""How many ids of each lane a layout may skip, at its second attempt, and eight times as many at
each further one, so that it succeeds although ids are handed out all the time."""


class _Count(msgspec.Struct):
    N: int


class _Counter(msgspec.Struct):
    last: _Count


class _CounterReply(msgspec.Struct):
    Attributes: _Counter


_COUNTER = decoder(_CounterReply)


def next_id(kind: str) -> int:
    """The next id of `kind` ("users", "tasks"), in one call once this process knows the stride.

    Raises:
        LostRace: others were in the way at every attempt.
        Unavailable: the counters changed at every attempt, or the database can't answer.
    """
    return _take(kind, random.randrange(_width(kind)), 1)[0]  # noqa: S311


def next_ids(kind: str, count: int) -> list[int]:
    """The next `count` ids of `kind`, ascending, in one call a lane; raises as `next_id`."""
    width = _width(kind)
    shares = {lane: len(range((lane - 1) % width, count, width)) for lane in range(width)}
    taken = (_take(kind, lane, share) for lane, share in shares.items() if share)
    return sorted(itertools.chain.from_iterable(taken))


def _width(kind: str) -> int:
    """Among how many lanes this process may choose."""
    if client.lanes() > lanes.stride(kind) and _due():
        _settle(kind)
    return min(client.lanes(), lanes.stride(kind))


def _due() -> bool:
    announced, _ = client.memory().get("announced", (0, 0.0))
    return not announced or lanes.announced_long_ago(announced)


def _take(kind: str, lane: int, count: int) -> range:
    for _ in backoff.attempts(LAYOUT_ATTEMPTS):
        stride = lanes.stride(kind)
        try:
            taken = _count(f"{kind}#{lane % stride}", count, stride)
        except client.ConditionFailed as failed:
            _learn(kind, failed.found[0])
        else:
            lanes.learn_stride(kind, stride)
            return taken
    raise Unavailable


def _count(name: str, count: int, stride: int) -> range:
    arguments = botocore_patches.table_of(CounterModel).get_operation_kwargs(
        name,
        actions=[CounterModel.last.add(count * stride)],
        condition=CounterModel.lanes == stride,
        return_values=UPDATED_NEW,
        return_values_on_condition_failure=ALL_OLD,
    )
    # An id that is lost with its reply is never used, so asking again is harmless.
    body = client.dispatch(UPDATE_ITEM, arguments, repeatable=True)
    last: int = _COUNTER.decode(body).Attributes.last.N
    return range(last - (count - 1) * stride, last + 1, stride)


def _learn(kind: str, found: client.Item | None) -> None:
    """Learns the stride from a counter that has another one, within the layout."""
    number = int(found["lanes"]["N"]) if found and "lanes" in found else 0
    if number > client.memory().get(f"stride {kind}", 0) and number <= lanes.layout():
        lanes.learn_stride(kind, number)
    else:  # there is no such counter, or the counters are not of one layout
        _settle(kind)


def _settle(kind: str) -> None:
    """Makes the counters fit the layout, raised to LANES, as soon as all readers know it; until
    then keeps the stride that they have."""
    layout = lanes.announce(client.lanes())
    ready = lanes.announced_long_ago(layout)
    counters = lanes.counters_of(kind)
    stride = lanes.lanes_of(counters)
    if fits(kind, counters, stride) and (stride >= layout or not ready):
        lanes.learn_stride(kind, stride)
    else:
        lay_out(kind, stride=layout if ready else stride or 1)


def lay_out(kind: str, above: int = 0, stride: int | None = None) -> None:
    """Makes the counters fit a stride, above all ids handed out; does nothing where they fit.

    Args:
        above: an id that was handed out although the counters may say otherwise.
        stride: for how many lanes; None: for as many as the counters speak of, or the layout.
    """
    for attempt in backoff.attempts(LAYOUT_ATTEMPTS):
        counters = {counter.name: counter for counter in lanes.counters_of(kind)}
        spoken = lanes.lanes_of(list(counters.values()))
        number = max(spoken, stride or spoken or lanes.layout())
        if not above and fits(kind, counters.values(), number):
            break
        lanes.announce(number)
        if _laid_out(kind, counters, number, above, _slack(attempt)):
            break
    else:
        raise Unavailable
    lanes.learn_stride(kind, number)


def _slack(attempt: int) -> int:
    return 0 if attempt == 1 else int(SLACK * 8 ** (attempt - 2))


def _laid_out(
    kind: str, counters: dict[str, CounterModel], stride: int, above: int, slack: int
) -> bool:
    """Lays the counters out, above what they say and `slack` ids more; False where they changed."""
    highest = max([above, *(int(counter.last or 0) for counter in counters.values())])
    if counters:
        highest += stride * slack
    change = Transaction()
    for lane, name in enumerate(lanes.counter_names(kind)):
        unchanged = _unchanged(counters.get(name), highest)
        if lane < stride:
            last = highest - (highest - lane) % stride
            change.put(CounterModel(name, last=last, lanes=stride), unchanged)
        elif name in counters:
            change.delete(CounterModel(name), unchanged)
        else:
            change.check(CounterModel(name), unchanged)
    try:
        change.commit()
    except (client.ConditionFailed, LostRace):
        return False
    return True


def _unchanged(counter: CounterModel | None, highest: int) -> Any:
    """That a counter is as it was read, but for ids up to `highest`."""
    if counter is None:
        return CounterModel.name.does_not_exist()
    return (CounterModel.lanes == counter.lanes) & (CounterModel.last <= highest)


def fits(kind: str, counters: Iterable[CounterModel], lanes: int) -> bool:
    """Whether these are the counters of `lanes` lanes, each with ids of its own residue."""
    if not lanes:
        return False
    laid_out = {(counter.name, counter.lanes, counter.last % lanes) for counter in counters}
    return laid_out == {(f"{kind}#{lane}", lanes, lane) for lane in range(lanes)}
