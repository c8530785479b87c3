"""I4: no id is allocated twice. The counters are above all ids in use."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from billet.integrity import lane_count, lookup, shape, wire
from billet.integrity.finding import Finding
from billet.integrity.raw_transaction import set_attributes
from chalicelib.dynamodb import counters as id_counters
from chalicelib.dynamodb import stored_counters
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import CounterModel


class Counters:
    """The counters of one kind, and the highest id in use of each lane.

    Args:
        kind: "users" or "tasks".
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lanes = _lanes(lane_count.counters_of(kind))
        self._highest: dict[int, int] = {}

    def see(self, page: Sequence[Item]) -> None:
        """Note the ids of these users or tasks."""
        for ident in (int(item["id"]["N"]) for item in page if item["id"]["N"].isdecimal()):
            lane = ident % self._lanes
            self._highest[lane] = max(ident, self._highest.get(lane, ident))

    def check(self) -> Iterator[Finding]:
        """Yield the faults of the counters, given all ids that were seen."""
        # Read twice: counters that are being recreated look broken for an instant.
        broken = [key for key, item in self._read().items() if _faults(item)]
        for item in map(self._read().get, broken):
            if item and (found := _faults(item)):
                key, repair = lookup.key_of(CounterModel, item), partial(self._reset, item)
                yield Finding("unreadable", CounterModel, key, shape.describe(found), repair)
        if self._judge():
            yield from self._judge()

    def _read(self) -> Mapping[tuple[str, ...], Item]:
        return lane_count.counters_of(self._kind)

    def _judge(self) -> Sequence[Finding]:
        items = self._read()
        if any(_faults(item) for item in items.values()):
            return []
        counters = [CounterModel.from_raw_data(dict(item)) for item in items.values()]
        repair = partial(id_counters.set_up, self._kind, above=self._top())
        if stored_counters.are_set_up(self._kind, counters, _lanes(items)):
            return [
                Finding("low-counter", CounterModel, {"name": wire.string(name)}, detail, repair)
                for name, detail in self._low(counters)
            ]
        laid_out = ", ".join(f"{one.name} at {one.last} of {one.lanes}" for one in counters)
        key = {"name": wire.string(f"{self._kind}#0")}
        detail = f"the id counters of {self._kind} are inconsistent: {laid_out or 'none exist'}"
        return [Finding("counters", CounterModel, key, detail, repair)]

    def _low(self, counters: Sequence[CounterModel]) -> Iterator[tuple[str, str]]:
        by_lane = {counter.last % counter.lanes: counter for counter in counters}
        for ident in self._highest.values():
            counter = by_lane[ident % len(by_lane)]
            if counter.last < ident:
                yield counter.name, f"is at {counter.last}, but id {ident} is in use"

    def _top(self) -> int:
        return max(self._highest.values(), default=0)

    def _reset(self, item: Item) -> None:
        """Set the counter above all known ids, so that none is allocated again."""
        known = [int(text) for text in re.findall(r"\b[0-9]{1,16}\b", repr(item.get("last")))]
        last = max([self._top(), *known])
        values = {"last": wire.number(last), "lanes": wire.number(_lanes(self._read()))}
        set_attributes(CounterModel, item, values)


def _lanes(counters: Mapping[tuple[str, ...], Item]) -> int:
    """Return the number of lanes that the counters are set up for, or are to be."""
    return lane_count.agreed_lane_count(counters) or lane_count.lane_count()


def _faults(item: Item) -> shape.Faults:
    """Return what is wrong with a counter. The model allows missing attributes for another item."""
    missing = {name: "is missing" for name in ("last", "lanes") if name not in item}
    return {**missing, **shape.faults(CounterModel, item)}
