"""Describes what is wrong with a body that is not JSON, and finds names that an object repeats."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from chalicelib.domain.errors import Invalid

MAX_SHOWN = 100
"""How many characters of a client's name for a field a detail repeats."""
_BYTE = re.compile(r"\(byte (\d+)\)")
_SURROGATE = re.compile("[\ud800-\udfff]")


def shorten(name: str) -> str:
    """Return the name, shortened; in quotes if it is blank."""
    if not name.strip():
        return f'"{name[:MAX_SHOWN]}"'
    return name if len(name) <= MAX_SHOWN else name[:MAX_SHOWN] + "…"


def describe(raw: bytes, error: Exception) -> str:
    """Return the detail for a body that can't be decoded.

    Args:
        error: what msgspec raised. Its position is not always that of the error.
    """
    if not raw:
        return "body: must be a JSON object; it is empty"
    if isinstance(error, RecursionError):
        return "body: must not be nested that deeply"
    try:
        text = raw.decode()
    except UnicodeDecodeError as bad:
        return f"body: must be UTF-8; byte {bad.start + 1} is invalid"
    if text.startswith("\ufeff"):
        return "body: must not begin with a byte order mark"
    try:
        _refuse_duplicates(text)
    except json.JSONDecodeError as bad:
        return _at(text[: bad.pos])
    except RecursionError:
        return "body: must not be nested that deeply"
    except Invalid as twice:
        if not _SURROGATE.search(str(twice)):
            return str(twice)
    except ValueError:  # NaN or Infinity
        found = _BYTE.search(str(error))
        return _at(raw[: int(found[1]) if found else None].decode(errors="ignore"))
    return "body: must not contain half of a surrogate pair, as in \\ud800"


def _at(before: str) -> str:
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"body: must be valid JSON; syntax error at line {line}, column {column}"


def refuse_duplicates(raw: bytes) -> None:
    """Refuse a body with an object, at any depth, that has a name twice (RFC 8259, section 4).

    msgspec silently takes the last one. No values are built and no numbers parsed.

    Raises:
        Invalid: an object has a name twice.
        UnicodeDecodeError, RecursionError: a part that msgspec skipped can't be decoded.
    """
    _refuse_duplicates(raw.decode())


def read(raw: bytes) -> Any:
    """Return the value of a body, with numbers as text, because they may be beyond all floats.

    Raises:
        Invalid: an object has a name twice.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: the body can't be decoded.
    """
    msgspec.json.decode(raw, type=msgspec.Raw)  # it says where NaN and Infinity are
    refuse_duplicates(raw)
    return json.loads(raw, parse_int=str, parse_float=str)


def _refuse_duplicates(text: str) -> None:
    try:
        _NAMES.decode(text)
    except _RepeatedName:
        place = next(_repeated(_PLACES.decode(text)))
        raise Invalid(f"{place}: must be given only once") from None


class _RepeatedName(Exception):
    """An object has a name twice."""


class _Pairs(list[tuple[str, Any]]):
    """The names and values of an object."""


def _check(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _RepeatedName


def _repeated(value: Any, place: str = "") -> Iterator[str]:
    """Yield the places of names that an object has twice, such as operations[0].task.name."""
    if isinstance(value, _Pairs):
        names: set[str] = set()
        for name, inner in value:
            here = f"{place}.{shorten(name)}" if place else shorten(name)
            if name in names:
                yield here if len(here) <= MAX_SHOWN else shorten(name)
            names.add(name)
            yield from _repeated(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated(inner, f"{place}[{index}]")


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_NAMES = json.JSONDecoder(
    object_pairs_hook=_check, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)
_PLACES = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)
