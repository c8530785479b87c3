"""Whether an item has the attributes, types and values that the API writes.

The types are those of the models, so a new attribute is checked as soon as its model has it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.models import Model

from billet.integrity import lookup
from billet.integrity.lookup import Value
from chalicelib.domain.ids import MAX_ID
from chalicelib.domain.token import ROLES
from chalicelib.dynamodb import clock
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import CODECS
from chalicelib.dynamodb.idempotency_store import StoredResponse
from chalicelib.dynamodb.models import (
    AssignmentModel,
    CounterModel,
    IdempotencyModel,
    TaskModel,
    TokenModel,
    UserModel,
    UsernameModel,
)
from chalicelib.settings import MAX_LANES

Faults = Mapping[str, str]
"""The faulty attributes of an item, each with the reason."""
Rule = Callable[[Any], bool]

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_TYPES = {
    "S": "a string",
    "N": "a number",
    "B": "binary",
    "BOOL": "a boolean",
    "NULL": "NULL",
    "SS": "a set of strings",
    "NS": "a set of numbers",
    "BS": "a set of binaries",
    "L": "a list",
    "M": "a map",
}


def faults(model: type[Model], item: Item) -> Faults:
    """Return the faults of an item, regardless of other items."""
    attributes = lookup.attributes_of(model)
    reasons = {name: misfit(model, name, item.get(name)) for name in attributes}
    return {name: reason for name, reason in reasons.items() if reason}


def unreadable(model: type[Model], item: Item) -> Faults:
    """Return the faults that prevent the API from reading the item: missing or of wrong type."""
    attributes = lookup.attributes_of(model).items()
    reasons = {name: _mistyped(attribute, item.get(name)) for name, attribute in attributes}
    return {name: reason for name, reason in reasons.items() if reason}


def misfit(model: type[Model], name: str, value: Value | None) -> str | None:
    """Return what is wrong with the value of an attribute, or None."""
    attribute = lookup.attributes_of(model)[name]
    if reason := _mistyped(attribute, value):
        return reason
    if value is None:
        return None
    plain = _plain(value)
    rule = RULES.get(model, {}).get(name) or _choice(model, name)
    return None if rule is None or rule(plain) else f"is {plain!r:.80}"


def content(model: type[Model]) -> set[str]:
    """Return the names of the attributes that are no keys of the table or its indexes."""
    return lookup.attributes_of(model).keys() - lookup.index_key_names(model) - {"user_id"}


def describe(found: Faults) -> str:
    """Return the faults in words."""
    return ", ".join(f"{name} {reason}" for name, reason in sorted(found.items()))


def _mistyped(attribute: Attribute[Any], value: Value | None) -> str | None:
    if value is None:
        return None if attribute.null else "is missing"
    [(kind, content)] = value.items()
    if kind != attribute.attr_type:
        return f"is {_TYPES.get(kind, kind)}, not {_TYPES[attribute.attr_type]}"
    numbers = [content] if kind == "N" else content if kind == "NS" else []
    odd = [number for number in numbers if not _INTEGER.fullmatch(number)]
    return f"is {odd[0]}, not an integer of up to 18 digits" if odd else None


def _plain(value: Value) -> Any:
    [(kind, content)] = value.items()
    if kind == "N":
        return int(content)
    return set(map(int, content)) if kind == "NS" else content


def is_time(text: str) -> bool:
    """Return whether it is a time in the format that the API writes."""
    try:
        return clock.stamp(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")) == text  # noqa: DTZ007
    except ValueError:
        return False


def is_time_in_seconds(text: str) -> bool:
    """Return whether it is the time of a change in the format that the API writes."""
    return text.endswith("Z") and is_time(f"{text[:-1]}.000000Z")


def is_date(text: str) -> bool:
    """Return whether it is a date, YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_id(number: int) -> bool:
    return 1 <= number <= MAX_ID


def _is_version(number: int) -> bool:
    return number >= 1


def _is_natural(number: int) -> bool:
    return number >= 0


def _is_digest(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{64}", text))


def _is_name(text: str) -> bool:
    return bool(text.strip())


def _is_reply(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=StoredResponse)
    except msgspec.DecodeError:
        return False
    return True


def _choice(model: type[Model], name: str) -> Rule | None:
    """Return the rule of an enumeration, which follows from the entity."""
    fields = CODECS[model].fields if model in CODECS else ()
    choices = next((one.choices for one in fields if one.stored_name == name), ())
    return _one_of(choices) if choices else None


def _one_of(choices: Sequence[str]) -> Rule:
    return lambda text: text in choices


_TASK: Mapping[str, Rule] = {
    "id": _is_id,
    "name": _is_name,
    "created_at": is_time,
    "expires_at": is_date,
    "updated_at": is_time_in_seconds,
    "version": _is_version,
}
RULES: Mapping[type[Model], Mapping[str, Rule]] = {
    UserModel: {
        "id": _is_id,
        "username": _is_name,
        "created_at": is_time,
        "version": _is_version,
        "assigns": _is_natural,
        "going": lambda deleting: deleting is True,
        "feed_digest": _is_digest,
    },
    UsernameModel: {"user_id": _is_id},
    TaskModel: _TASK,
    AssignmentModel: _TASK,
    CounterModel: {
        "last": lambda last: last > -MAX_LANES,
        "lanes": lambda lanes: 1 <= lanes <= MAX_LANES,
    },
    TokenModel: {
        "digest": _is_digest,
        "name": _is_name,
        "role": _one_of(ROLES),
        "created_at": is_time,
        "expires_at": is_time,
        "keys_by_name": lambda by_name: by_name is True,
    },
    IdempotencyModel: {"reply": _is_reply, "lease": _is_natural, "expires": _is_natural},
}
"""The values that an attribute may have, where not all of its type. Enumerations follow from the
entities."""
