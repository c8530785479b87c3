"""Restoring unreadable attributes of a task that are stored in another place too."""

import re
from collections.abc import Collection, Iterator, Sequence

from billet.integrity import assignees, lookup, shape, wire
from billet.integrity.lookup import Value
from billet.integrity.wire import Values
from chalicelib.dynamodb import index_keys
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import AssignmentModel, TaskModel

CONTENT = sorted(shape.content(TaskModel) & shape.content(AssignmentModel))
"""The attributes that a task and its copies have in common."""


def restorable_task_values(
    task_item: Item, broken: shape.Faults, holders: Collection[int]
) -> Values:
    """Return the right values of those faulty attributes for which there is evidence.

    Evidence is a copy that agrees with all readable attributes of the task, a key of an index, or a
    NULL in the place of an absent value.

    Args:
        holders: users who may have a copy, in addition to the assignees of the task.
    """
    witnesses = _witnesses(task_item, broken, holders)
    values: dict[str, Value | None] = {}
    for name in broken.keys() & set(CONTENT):
        seen = {_text(copy.get(name)): copy.get(name) for copy in witnesses}
        options = [*seen.values()] if len(seen) == 1 else [*_own(task_item, name)]
        if options:
            values[name] = options[0]
    return values


def _witnesses(task_item: Item, broken: shape.Faults, holders: Collection[int]) -> Sequence[Item]:
    created_key = _recency(task_item, broken)
    if created_key is None:
        return []
    named = {*holders, *_numbers_in(task_item.get("assignees"))}
    copies = lookup.fetch(
        AssignmentModel, [assignees.key_of_copy(one, created_key) for one in sorted(named)]
    )
    good = [name for name in CONTENT if name not in broken]
    return [copy for copy in copies.values() if _is_witness(copy, task_item, good)]


def _is_witness(copy: Item, task_item: Item, good: Sequence[str]) -> bool:
    if shape.faults(AssignmentModel, copy).keys() - lookup.index_key_names(AssignmentModel):
        return False
    holds = copy["user_id"]["N"] in copy.get("assignees", {"NS": []})["NS"]
    copied, own = (
        wire.without_defaults(AssignmentModel, copy),
        wire.without_defaults(TaskModel, task_item),
    )
    agrees = all(wire.are_equal(copied.get(name), own.get(name)) for name in good)
    return holds and copy["id"] == task_item["id"] and agrees


def _recency(task_item: Item, broken: shape.Faults) -> str | None:
    """Return the created key, from either attribute that has it."""
    if "created_at" not in broken:
        return index_keys.created_key(task_item["created_at"]["S"], int(task_item["id"]["N"]))
    created_at = created_at_of(task_item)
    return index_keys.created_key(created_at, int(task_item["id"]["N"])) if created_at else None


def created_at_of(item: Item) -> str | None:
    """Return the time of creation from the created key of a user or task."""
    created_key, ident = item.get("recency", {}).get("S", ""), item["id"]["N"]
    text: str = created_key.rpartition("#")[0]
    if not shape.is_time(text) or not ident.isdecimal():
        return None
    return text if index_keys.created_key(text, int(ident)) == created_key else None


def _own(task_item: Item, name: str) -> Iterator[Value | None]:
    """Yield the values of an attribute that follow from other attributes, the best first."""
    if name == "created_at" and (created_at := created_at_of(task_item)):
        yield wire.string(created_at)
    elif name == "status":
        status = wire.string(task_item.get("status_lane", {}).get("S", "").rpartition("#")[0])
        if shape.misfit(TaskModel, "status", status) is None:
            yield status
    elif name == "expires_at":
        yield from _due_date(task_item)
    elif name == "version" and re.fullmatch("0|-[0-9]+", task_item.get(name, {}).get("N", "")):
        yield wire.number(1)  # as the next change would make it, or less
    if task_item.get(name) == {"NULL": True} and lookup.attributes_of(TaskModel)[name].null:
        yield None


def _due_date(task_item: Item) -> Iterator[Value | None]:
    due_key, ident = task_item.get("urgency", {}).get("S", ""), int(task_item["id"]["N"])
    for text in (None, due_key[:10], "9999-12-31"):
        if index_keys.due_key(text, ident) == due_key and (text is None or shape.is_date(text)):
            yield wire.string(text) if text else None


def _numbers_in(value: Value | None) -> set[int]:
    """Return the ids in what should be a set of numbers."""
    return {int(text) for text in re.findall(r"\b[0-9]{1,16}\b", repr(value))}


def _text(value: Value | None) -> str:
    return repr(wire.ordered(value) if value else None)
