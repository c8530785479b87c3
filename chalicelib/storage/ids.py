"""Handing out ids: 1, 2, 3, …, never one twice.

Each lane has a counter of its own and hands out the ids of its own residue, so that no counter is
one hot key. The counters of a kind all carry the number of lanes that they were laid out for, and
one that carries another number hands out nothing: so a process with another LANES must first lay
all of them out anew, above all ids handed out so far, in one transaction. Two settings that run
side by side during a deployment take turns that way, and stay apart.
"""

import itertools
import random
from collections.abc import Iterable
from typing import Any

import msgspec
from pynamodb.constants import UPDATE_ITEM, UPDATED_NEW

from chalicelib.errors import LostRace
from chalicelib.settings import MAX_LANES
from chalicelib.storage import _private, backoff, client
from chalicelib.storage.changes import Change
from chalicelib.storage.records import decoder
from chalicelib.storage.tables import CounterModel

LAYOUT_ATTEMPTS = 5


class _Count(msgspec.Struct):
    N: int


class _Counter(msgspec.Struct):
    last: _Count


class _CounterReply(msgspec.Struct):
    Attributes: _Counter


_COUNTER = decoder(_CounterReply)


def next_id(kind: str) -> int:
    """The next id of `kind` ("users", "tasks"), in one call once the counters are laid out.

    Raises:
        LostRace: others laid the counters out for another number of lanes each time.
    """
    lane = random.randrange(client.lanes())  # noqa: S311
    return _take(kind, lane, 1)[0]


def next_ids(kind: str, count: int) -> list[int]:
    """The next `count` ids of `kind`, ascending, in one call a lane; raises as `next_id`."""
    lanes = client.lanes()
    shares = {lane: len(range((lane - 1) % lanes, count, lanes)) for lane in range(lanes)}
    taken = (_take(kind, lane, share) for lane, share in shares.items() if share)
    return sorted(itertools.chain.from_iterable(taken))


def _take(kind: str, lane: int, count: int) -> range:
    for _ in backoff.attempts(LAYOUT_ATTEMPTS):
        try:
            return _count(f"{kind}#{lane}", count)
        except client.ConditionFailed:
            lay_out(kind)
    raise LostRace


def _count(name: str, count: int) -> range:
    lanes = client.lanes()
    arguments = _private.table_of(CounterModel).get_operation_kwargs(
        name,
        actions=[CounterModel.last.add(count * lanes)],
        condition=CounterModel.lanes == lanes,
        return_values=UPDATED_NEW,
    )
    # An id that is lost with its reply is never used, so asking again is harmless.
    body = client.dispatch(UPDATE_ITEM, arguments, repeatable=True)
    last: int = _COUNTER.decode(body).Attributes.last.N
    return range(last - (count - 1) * lanes, last + 1, lanes)


def lay_out(kind: str, above: int = 0) -> None:
    """Makes the counters fit LANES, above all ids handed out; does nothing where they fit.

    Args:
        above: an id that was handed out although the counters may say otherwise.
    """
    lanes = client.lanes()
    counters = {counter.name: counter for counter in counters_of(kind)}
    wanted = [f"{kind}#{lane}" for lane in range(lanes)]
    if not above and fits(kind, counters.values(), lanes):
        return
    highest = max((counter.last for counter in counters.values()), default=0)
    highest = max(highest, above)
    change = Change()
    for lane, name in enumerate(wanted):
        last = highest - (highest - lane) % lanes
        change.put(CounterModel(name, last=last, lanes=lanes), _unchanged(counters.get(name)))
    for name in counters.keys() - set(wanted):
        change.delete(CounterModel(name), _unchanged(counters[name]))
    try:
        change.commit()
    except (client.ConditionFailed, LostRace):
        return  # another process counted or laid out meanwhile; whoever needs an id looks again


def fits(kind: str, counters: Iterable[CounterModel], lanes: int) -> bool:
    """Whether these are the counters of `lanes` lanes, each with ids of its own residue."""
    laid_out = {(counter.name, counter.lanes, counter.last % lanes) for counter in counters}
    return laid_out == {(f"{kind}#{lane}", lanes, lane) for lane in range(lanes)}


def counters_of(kind: str) -> Iterable[CounterModel]:
    """All counters of a kind, as last written."""
    table = _private.table_of(CounterModel)
    keys: list[Any] = [{"name": f"{kind}#{lane}"} for lane in range(MAX_LANES)]
    # Not CounterModel.batch_get, which asks for what was left out without end.
    found = client.send(
        lambda: client.whole(table.batch_get_item(keys, consistent_read=True)), repeatable=True
    )
    return [CounterModel.from_raw_data(item) for item in found["Responses"][table.table_name]]


def _unchanged(counter: CounterModel | None) -> Any:
    if counter is None:
        return CounterModel.name.does_not_exist()
    return (CounterModel.last == counter.last) & (CounterModel.lanes == counter.lanes)
