"""Reading ids in the path, the query string and JSON bodies; what can't be read is Invalid."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from chalice.app import MultiDict, Request

from chalicelib.api.fields import MOST_ID
from chalicelib.api.problems import Refused
from chalicelib.api.schemas import ListQuery
from chalicelib.errors import Invalid

S = TypeVar("S", bound=msgspec.Struct)
Q = TypeVar("Q", bound=ListQuery)

MOST_BODY = 256 * 1024
"""How many bytes a body may have."""

_ID = re.compile(r"[1-9][0-9]{0,15}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_NUMBERS = {"page_size", "offset"}
_PHRASES = (
    (re.compile(r"Object missing required field `(.+)`"), r"\1: required"),
    (re.compile(r"Object contains unknown field `(.+)`"), r"\1: unknown"),
    (re.compile(r"Expected `str` matching regex .+"), "must not contain control characters"),
    (re.compile(r"Invalid RFC3339 encoded date"), "expected a date that there is, YYYY-MM-DD"),
)


def ident(name: str, text: str) -> int:
    """An id from the path, 1 to 2^53-1."""
    if _ID.fullmatch(text) and (value := int(text)) <= MOST_ID:
        return value
    raise Invalid(f"{name}: expected an integer from 1 to 2^53-1")


def query(request: Request, kind: type[Q]) -> Q:
    """The query parameters, each at most once."""
    given = request.query_params or MultiDict(None)
    values: dict[str, Any] = {}
    for name in given:
        if len(given.getlist(name)) > 1:
            raise Invalid(f"{name}: given more than once")
        text = given[name]
        values[name] = int(text) if name in _NUMBERS and _NUMBER.fullmatch(text) else text
    with _as_invalid("query"):
        return msgspec.convert(values, kind)


def body(request: Request, kind: type[S]) -> S:
    """The JSON object in the body."""
    raw = raw_body(request)
    _require_json(request.headers)
    if not raw:
        raise Invalid("body: expected a JSON object, got nothing")
    with _as_invalid("body"):
        return msgspec.json.decode(raw, type=kind)


def raw_body(request: Request) -> str | bytes:
    """The body, if it is not too large."""
    try:
        raw = request.raw_body
    except ValueError as error:  # neither UTF-8 nor base64 where it should be
        raise Invalid("body: not UTF-8") from error
    if len(raw) > MOST_BODY:
        raise Refused(413, f"body: at most {MOST_BODY} bytes")
    return raw


def _require_json(headers: Mapping[str, str]) -> None:
    given = headers.get("content-type") or "application/json"
    if given.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "content-type: expected application/json")


@contextmanager
def _as_invalid(whole: str) -> Iterator[None]:
    try:
        yield
    except msgspec.ValidationError as error:
        raise Invalid(_detail(str(error), whole)) from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{whole}: not UTF-8") from error
    except msgspec.DecodeError as error:
        raise Invalid(f"{whole}: not JSON") from error


def _detail(message: str, whole: str) -> str:
    """`field: reason` from msgspec's `Reason - at `$.field``."""
    reason, _, path = message.partition(" - at `$")
    for pattern, phrase in _PHRASES:
        reason = pattern.sub(phrase, reason)
    field = path.strip(".`")
    if field:
        return f"{field}: {reason[0].lower()}{reason[1:]}"
    return reason if re.match(r"\S+: ", reason) else f"{whole}: {reason[0].lower()}{reason[1:]}"
