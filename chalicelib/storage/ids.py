"""Handing out ids: 1, 2, 3, …, never one twice.

Each lane has a counter of its own and hands out the ids of its own residue, so that no counter is
one hot key. The counters of a kind all carry the number of lanes that they were laid out for, and
one that carries another number hands out nothing: so a process with another LANES must first lay
all of them out anew, above all ids handed out so far, in one transaction. Two settings that run
side by side during a deployment take turns that way, and stay apart.
"""

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
    for _ in backoff.attempts(LAYOUT_ATTEMPTS):
        try:
            return _count(f"{kind}#{lane}")
        except client.ConditionFailed:
            lay_out(kind)
    raise LostRace


def _count(name: str) -> int:
    lanes = client.lanes()
    arguments = _private.table_of(CounterModel).get_operation_kwargs(
        name,
        actions=[CounterModel.last.add(lanes)],
        condition=CounterModel.lanes == lanes,
        return_values=UPDATED_NEW,
    )
    # An id that is lost with its reply is never used, so asking again is harmless.
    body = client.dispatch(UPDATE_ITEM, arguments, repeatable=True)
    return int(_COUNTER.decode(body).Attributes.last.N)


def lay_out(kind: str) -> None:
    """Makes the counters fit LANES, above all ids handed out; does nothing where they fit."""
    lanes = client.lanes()
    counters = {counter.name: counter for counter in _counters(kind)}
    wanted = [f"{kind}#{lane}" for lane in range(lanes)]
    if set(wanted) == {name for name, counter in counters.items() if counter.lanes == lanes}:
        return
    highest = max((counter.last for counter in counters.values()), default=0)
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


def _counters(kind: str) -> Iterable[CounterModel]:
    names = [f"{kind}#{lane}" for lane in range(MAX_LANES)]
    return client.send(
        lambda: list(CounterModel.batch_get(names, consistent_read=True)), repeatable=True
    )


def _unchanged(counter: CounterModel | None) -> Any:
    if counter is None:
        return CounterModel.name.does_not_exist()
    return (CounterModel.last == counter.last) & (CounterModel.lanes == counter.lanes)
