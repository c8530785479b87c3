"""The lane count, the number of lanes that readers read, covers every lane in use.

The stored lane count is the truth, unless the id counters agree on more lanes. A single user or
task in a lane beyond it, or a single counter of more lanes, is broken itself and does not raise it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial

import msgspec
from pynamodb.exceptions import PynamoDBException

from billet.integrity import lookup, shape, wire
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction, set_attributes
from chalicelib.domain.errors import Unavailable
from chalicelib.dynamodb import client, lanes, shared_state, stored_counters
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import CounterModel, UserModel
from chalicelib.settings import MAX_LANES

KEY = {"name": wire.string(shared_state.ITEM_NAME)}


def check_lane_count() -> Iterator[Finding]:
    """Yield the confirmed faults of the item that every process reads."""
    yield from settled(CounterModel, KEY, _judge)


def lane_of(item: Item) -> int:
    """Return the lane of a user or task; its id modulo the lane count if nobody reads its lane."""
    kind, value = next(iter(item.get("lane", {"NULL": True}).items()))
    count = lane_count()
    if kind == "N" and value.isdecimal() and int(value) < count:
        return int(value)
    return int(item["id"]["N"]) % count


def lane_count() -> int:
    """Return the lane count that readers know; if it is broken, what the counters agree on."""
    try:
        return lanes.lanes_to_read()
    except (Unavailable, msgspec.ValidationError, PynamoDBException, ValueError, TypeError):
        return _lane_count_of_counters()


def _lane_count_of_counters() -> int:
    """Return the number of lanes that the id counters agree on; 1 if they do not."""
    return max(1, *map(agreed_lane_count, map(counters_of, lanes.KINDS)))


def counters_of(kind: str) -> Mapping[tuple[str, ...], Item]:
    """Return the items of a kind's counters, by key."""
    names = map(wire.string, stored_counters.names(kind))
    return lookup.fetch(CounterModel, [{"name": name} for name in names])


def agreed_lane_count(counters: Mapping[tuple[str, ...], Item]) -> int:
    """Return the number of lanes that these counters of one kind agree on; 0 if they do not."""
    readable = (
        one
        for one in counters.values()
        if not shape.misfit(CounterModel, "lanes", one.get("lanes"))
    )
    return stored_counters.agreed_lanes(
        [CounterModel(one["name"]["S"], lanes=int(one["lanes"]["N"])) for one in readable]
    )


def _judge(item: Item | None) -> list[Finding]:
    counted = _lane_count_of_counters()
    if item is None:  # the counters are lost: without the item, doctor refuses any other database
        repair = partial(_create, max(counted, client.database.settings.lanes))
        return [Finding("layout", CounterModel, KEY, "is missing", repair)]
    findings = []
    value = item.get("lanes")
    corrected = {"lanes": wire.number(max(counted, *_lanes_in(value)))}
    if fault := shape.misfit(CounterModel, "lanes", value):
        repair = partial(_set_shared_state, item, corrected)
        findings.append(Finding("layout", CounterModel, KEY, f"lanes {fault}", repair))
    elif value and int(value["N"]) < counted:
        detail = f"has {value['N']} lanes, but the id counters have {counted}"
        findings.append(
            Finding(
                "layout", CounterModel, KEY, detail, partial(_set_shared_state, item, corrected)
            )
        )
    if next(iter(item.get("going", {"NS": []}))) != "NS":
        detail = "going is not a set of numbers"
        findings.append(
            Finding(
                "layout",
                CounterModel,
                KEY,
                detail,
                partial(_set_shared_state, item, {"going": None}),
            )
        )
    for name in ("schema", "contracted"):
        if fault := shape.misfit(CounterModel, name, item.get(name)):
            detail = f"{name} {fault}; `billet migrate up` writes it"
            findings.append(Finding("layout", CounterModel, KEY, detail))
    return findings or _of_marks(item)


def _create(count: int) -> None:
    transaction = RawTransaction()
    transaction.update(CounterModel, KEY, {"lanes": wire.number(count)}, {"name": None})
    transaction.commit()
    shared_state.forget()


def _of_marks(item: Item) -> list[Finding]:
    """Return the marks of users that are not being deleted."""
    marked: list[Item] = [{"id": {"N": one}} for one in item.get("going", {"NS": []})["NS"]]
    users = lookup.fetch(UserModel, marked).values()
    deleting = {user["id"]["N"] for user in users if user.get("going") == {"BOOL": True}}
    stale = sorted({str(key["id"]["N"]) for key in marked} - deleting)
    if not stale:
        return []
    detail = f"lists users as being deleted that are not: {', '.join(stale)}"
    return [Finding("stale-mark", CounterModel, KEY, detail, partial(_remove_marks, item, stale))]


def _remove_marks(item: Item, stale: list[str]) -> None:
    transaction = RawTransaction()
    expected = wire.pick(item, {"name", "going"})
    transaction.update(CounterModel, KEY, {}, expected, without={"going": {"NS": stale}})
    transaction.commit()
    shared_state.forget()


def add_removal_of_mark(transaction: RawTransaction, user_id: lookup.Value) -> None:
    """Add the removal of the mark that the user is being deleted."""
    item = lookup.get(CounterModel, KEY) or {}
    if user_id["N"] in item.get("going", {}).get("NS", ()):
        deleting = {"going": {"NS": [user_id["N"]]}}
        transaction.update(CounterModel, KEY, {}, {"name": KEY["name"]}, without=deleting)


def _lanes_in(value: lookup.Value | None) -> list[int]:
    """Return the possible lane counts in what should be one."""
    numbers = map(int, re.findall(r"\b[0-9]{1,2}\b", repr(value)))
    return [1, *(number for number in numbers if number <= MAX_LANES)]


def _set_shared_state(item: Item, values: wire.Values) -> None:
    set_attributes(CounterModel, item, values, {"lanes", "going"})
    shared_state.forget()
