"""The layout, the number of lanes that readers read, covers every lane in use.

An item's lane never changes. So the layout is raised to an item, and the item never moved.
"""

import re
from collections.abc import Iterator
from functools import partial

import msgspec
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from billet.integrity import lookup, shape, wire
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction
from chalicelib.dynamodb import lanes, shared_state
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import CounterModel, UserModel
from chalicelib.settings import MAX_LANES

KEY = {"name": wire.string(shared_state.NAME)}


def check_layout() -> Iterator[Finding]:
    """Yields what is broken about the item that every process reads, confirmed."""
    yield from settled(CounterModel, KEY, _judge)


def of_item(model: type[Model], item: Item) -> Iterator[Finding]:
    """Yields whether a user or task is in a lane that nobody reads."""
    lane, number = lane_of(item), lane_count()
    if lane >= number:
        detail = f"is in lane {lane}, and the layout has {number} lanes"
        repair = partial(lanes.raise_lane_count, lane + 1)
        yield Finding("beyond-layout", model, lookup.key_of(model, item), detail, repair)


def lane_of(item: Item) -> int:
    """The lane of a user or task; if it has none that there can be, its id modulo the layout."""
    kind, value = next(iter(item.get("lane", {"NULL": True}).items()))
    if kind == "N" and value.isdecimal() and int(value) < MAX_LANES:
        return int(value)
    return int(item["id"]["N"]) % lane_count()


def lane_count() -> int:
    """How many lanes readers read; if that can't be read, how many the counters speak of."""
    try:
        return lanes.lanes_to_read()
    except (msgspec.ValidationError, PynamoDBException, ValueError, TypeError):
        return _spoken()


def _spoken() -> int:
    names = [wire.string(name) for kind in lanes.KINDS for name in lanes.counter_names(kind)]
    counters = lookup.fetch(CounterModel, [{"name": name} for name in names]).values()
    lanes_to_read = [
        one["lanes"]
        for one in counters
        if not shape.misfit(CounterModel, "lanes", one.get("lanes"))
    ]
    return max((int(value["N"]) for value in lanes_to_read), default=1)


def _judge(item: Item | None) -> list[Finding]:
    if item is None:
        return []  # the next reader writes it
    found = []
    spoken = _spoken()
    value = item.get("lanes")
    known = {"lanes": wire.number(max(spoken, *_lanes_in(value)))}
    if fault := shape.misfit(CounterModel, "lanes", value):
        repair = partial(_set, item, known)
        found.append(Finding("layout", CounterModel, KEY, f"lanes {fault}", repair))
    elif value and int(value["N"]) < spoken:
        detail = f"has {value['N']} lanes, and the id counters have {spoken}"
        found.append(Finding("layout", CounterModel, KEY, detail, partial(_set, item, known)))
    if next(iter(item.get("going", {"NS": []}))) != "NS":
        detail = "going is not a set of numbers"
        found.append(
            Finding("layout", CounterModel, KEY, detail, partial(_set, item, {"going": None}))
        )
    return found or _of_marks(item)


def _of_marks(item: Item) -> list[Finding]:
    """The users that the item says are being deleted, and are not."""
    marked: list[Item] = [{"id": {"N": one}} for one in item.get("going", {"NS": []})["NS"]]
    users = lookup.fetch(UserModel, marked).values()
    deleting = {user["id"]["N"] for user in users if user.get("going") == {"BOOL": True}}
    stale = sorted({str(key["id"]["N"]) for key in marked} - deleting)
    if not stale:
        return []
    detail = f"says of users that they are being deleted, and they are not: {', '.join(stale)}"
    return [Finding("stale-mark", CounterModel, KEY, detail, partial(_unmark, item, stale))]


def _unmark(item: Item, stale: list[str]) -> None:
    transaction = RawTransaction()
    same = wire.some(item, {"name", "going"})
    transaction.update(CounterModel, KEY, {}, same, without={"going": {"NS": stale}})
    transaction.commit()
    shared_state.forget()


def add_unmark(transaction: RawTransaction, user_id: lookup.Value) -> None:
    """Adds that the user is not being deleted any more."""
    item = lookup.get(CounterModel, KEY) or {}
    if user_id["N"] in item.get("going", {}).get("NS", ()):
        deleting = {"going": {"NS": [user_id["N"]]}}
        transaction.update(CounterModel, KEY, {}, {"name": KEY["name"]}, without=deleting)


def _lanes_in(value: lookup.Value | None) -> list[int]:
    """The numbers of lanes in what should be one."""
    found = map(int, re.findall(r"\b[0-9]{1,2}\b", repr(value)))
    return [1, *(number for number in found if number <= MAX_LANES)]


def _set(item: Item, values: wire.Values) -> None:
    transaction = RawTransaction()
    transaction.update(CounterModel, KEY, values, wire.some(item, {"name", "lanes", "going"}))
    transaction.commit()
    shared_state.forget()
