"""Where in a body an error is: from msgspec's path to the name that a client understands.

msgspec says "… - at `$.operations[1].task.name`". The types along the path, and the tags of the
objects in it, say which struct and which field that is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from chalicelib.http import json_errors
from chalicelib.http.schemas import must_be

_PATH = re.compile(r"(.*) - at `\$((?:\.\w+|\[\d+\])+)`", re.DOTALL)
"""The last path of a message: what is before it may repeat text of the client."""
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
"""The text of msgspec's message about a field that a struct does not have."""
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class Place(NamedTuple):
    """A place in a body."""

    name: str
    """Such as operations[1].task; empty for the body itself."""
    kind: type[msgspec.Struct] | None
    """The struct that should be there; None for the value of a field."""
    must: str
    """What a value there must be."""

    def named(self, field: str) -> str:
        """Return the name of a field of the object at this place."""
        return f"{self.name}.{field}" if self.name else field


def split(message: str, kind: type[msgspec.Struct], raw: bytes) -> tuple[str, Place]:
    """Return the text of msgspec's message, and the place of the error.

    Args:
        kind: the type of the whole body.
        raw: the JSON of the body.

    Raises:
        Invalid: an object has a name twice.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: the body can't be decoded.
    """
    found = _PATH.fullmatch(message)
    if found is None:
        return message, Place("", kind, "must be a JSON object")
    steps = [int(index) if index else name for name, index in _STEP.findall(found[2])]
    body = json_errors.read(raw)  # it tells types of a list apart, and its own names from a path
    unknown = UNKNOWN.fullmatch(message)  # of the body itself, whose errors have no path
    if unknown and isinstance(body, Mapping) and unknown[1] in body:
        return message, Place("", kind, "")
    return found[1], _place(steps, kind, body)


def _place(steps: Sequence[int | str], kind: Any, value: Any) -> Place:
    name = ""
    for step in steps:
        if isinstance(step, int):
            name, kind, value = f"{name}[{step}]", get_args(kind)[0], value and value[step]
            continue
        owner = _struct(kind, value)
        place = Place(name, owner, "")
        if owner is None or step == owner.__struct_config__.tag_field:
            tags = (one.__struct_config__.tag for one in get_args(kind))
            return Place(place.named(step), None, f"must be one of {', '.join(map(str, tags))}")
        kind = _plain(get_type_hints(owner, include_extras=True)[step])
        name, value = place.named(step), value and value[step]
        if not _leads_on(kind, steps[-1] is step):
            return Place(name, None, must_be(owner, step))
    return Place(name, _struct(kind, value), "must be a JSON object")


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _leads_on(kind: Any, last: bool) -> bool:
    """Return whether the path goes on into an object or a list of objects of this type."""
    if get_origin(kind) is list:
        return not last
    return _struct(kind, None) is not None


def _struct(kind: Any, value: Any) -> type[msgspec.Struct] | None:
    """Return the struct of this type, or the one of a union that the value's tag names."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    for one in get_args(kind):
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and isinstance(value, Mapping):
            config = one.__struct_config__
            if value.get(config.tag_field) == config.tag:
                return one
    return None
