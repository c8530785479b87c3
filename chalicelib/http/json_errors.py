"""Describes what is wrong with a body that is not JSON, and finds names that an object repeats."""

import json
import re
from typing import Any

from chalicelib.domain.errors import Invalid

MAX_SHOWN = 100
"""How many characters of a client's name for a field a detail repeats."""
_BYTE = re.compile(r"\(byte (\d+)\)")


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
        _NAMES.decode(text)
    except json.JSONDecodeError as bad:
        return _at(text[: bad.pos])
    except RecursionError:
        return "body: must not be nested that deeply"
    except Invalid as twice:
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
    _NAMES.decode(raw.decode())


def _check(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        for name, _ in pairs:
            if name not in names:
                raise Invalid(f"{shorten(name)}: must be given only once")
            names.remove(name)


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_NAMES = json.JSONDecoder(
    object_pairs_hook=_check, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)
