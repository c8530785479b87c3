"""I4, an id is never given twice: the counters stand above all ids that there are."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from billet.invariants.finding import Finding
from chalicelib.storage import ids
from chalicelib.storage.tables import CounterModel


class Counters:
    """The counters of one kind, and the highest id that was seen in each of their lanes."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lanes = _lanes(list(ids.counters_of(kind)))
        self._highest: dict[int, int] = {}

    def see(self, page: Sequence[Any]) -> None:
        """Takes note of the ids of these users or tasks."""
        for ident in (int(item.id) for item in page):
            lane = ident % self._lanes
            self._highest[lane] = max(ident, self._highest.get(lane, ident))

    def check(self) -> Sequence[Finding]:
        """What is broken about the counters as they are now, after all that was seen."""
        # Read twice: counters that are just being laid out anew look broken for an instant.
        return self._judge() and self._judge()

    def _judge(self) -> Sequence[Finding]:
        counters = list(ids.counters_of(self._kind))
        mend = partial(ids.lay_out, self._kind, above=max(self._highest.values(), default=0))
        if ids.fits(self._kind, counters, _lanes(counters)):
            return [Finding(text, mend) for text in self._low(counters)]
        names = ", ".join(f"{one.name} at {one.last} of {one.lanes}" for one in counters)
        return [Finding(f"the counters of {self._kind} are not one layout: {names}", mend)]

    def _low(self, counters: Sequence[CounterModel]) -> Iterator[str]:
        by_lane = {counter.last % counter.lanes: counter for counter in counters}
        for ident in self._highest.values():
            counter = by_lane[ident % _lanes(counters)]
            if counter.last < ident:
                yield f"id {ident} is in use, and the counter {counter.name} is at {counter.last}"


def _lanes(counters: Sequence[CounterModel]) -> int:
    return int(counters[0].lanes) if counters else 1
