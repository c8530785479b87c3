"""Reads ids in the path, query strings and JSON bodies."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from chalice.app import MultiDict, Request

from chalicelib.domain.errors import Invalid
from chalicelib.domain.ids import MAX_ID
from chalicelib.http import json_errors, places
from chalicelib.http.fields import OUTPUT_ONLY
from chalicelib.http.places import Place
from chalicelib.http.problems import HttpProblem
from chalicelib.http.response_headers import ACCEPT_PATCH
from chalicelib.http.schemas import Query

S = TypeVar("S", bound=msgspec.Struct)
Q = TypeVar("Q", bound=Query)

MAX_BODY = 256 * 1024
"""Bytes."""
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

_ID = re.compile(r"[1-9][0-9]{0,15}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_NUMBERS = {"page_size", "offset"}
_LISTS = {"status"}
_MISSING = re.compile(r"Object missing required field `(.+)`")


def path_id(name: str, text: str) -> int:
    """Return an id from the path. `%31` is the same as `1` (RFC 9110, section 4.2.3).

    Raises:
        Invalid: the text is no integer from 1 to 2^53-1.
    """
    if _ID.fullmatch(plain := unquote(text)) and (value := int(plain)) <= MAX_ID:
        return value
    raise Invalid(f"{name}: must be an integer from 1 to {MAX_ID}")


def query(request: Request, kind: type[Q]) -> Q:
    """Return the query parameters.

    Raises:
        Invalid: a parameter is unknown, repeated or not valid.
    """
    parameters = request.query_params or MultiDict(None)
    values: dict[str, Any] = {}
    for name in parameters:
        if name not in kind.__struct_fields__:
            raise _unknown(
                json_errors.shorten(name), "query parameter", sorted(kind.__struct_fields__)
            )
        if len(parameters.getlist(name)) > 1:
            raise Invalid(f"{name}: must be given only once")
        values[name] = _value(name, parameters[name])
    with as_invalid(kind, "query"):
        return msgspec.convert(values, kind)


def _value(name: str, text: str) -> Any:
    if name in _LISTS:
        return text.split(",")
    return int(text) if name in _NUMBERS and _NUMBER.fullmatch(text) else text


def check(request: Request, *, takes_query: bool) -> None:
    """Refuse a body that no view takes and, unless the view has some, query parameters.

    Raises:
        Invalid, HttpProblem: see `raw_body`; or Invalid for a query parameter.
    """
    raw_body(request)
    if not takes_query:
        for name in request.query_params or ():
            raise _unknown(json_errors.shorten(name), "query parameter", [])


def body(request: Request, kind: type[S]) -> S:
    """Return the JSON object in the body.

    Raises:
        Invalid: the body is not JSON, or a field is unknown, missing, repeated or not valid.
        HttpProblem: 415 for another media type; also as `raw_body`.
    """
    raw = raw_body(request)
    _require_json(request.headers, request.method)
    try:
        with as_invalid(kind, "body", raw=raw):
            value = msgspec.json.decode(raw, type=kind)
        json_errors.refuse_duplicates(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(json_errors.describe(raw, error)) from error
    return value


def raw_body(request: Request) -> bytes:
    """Return the body.

    Raises:
        Invalid: the body is not UTF-8.
        HttpProblem: 413 if it is too large, 415 if it has a Content-Encoding.
    """
    coding = request.headers.get("content-encoding")
    if coding is not None and not _is_identity(coding):
        detail = "content-encoding: must be identity, or absent"
        raise HttpProblem(415, detail, headers={"Accept-Encoding": "identity"})
    try:
        raw = request.raw_body
    except ValueError as error:  # neither UTF-8 nor base64 where it should be
        raise Invalid("body: must be UTF-8") from error
    check_length(len(raw))
    return raw if isinstance(raw, bytes) else raw.encode()


def check_length(length: int) -> None:
    """Raise HttpProblem 413 if a body of `length` bytes is too large."""
    if length > MAX_BODY:
        raise HttpProblem(413, f"body: must have at most {MAX_BODY} bytes")


def _is_identity(coding: str) -> bool:
    return {part.strip().lower() for part in coding.split(",")} <= {"identity", ""}


def _require_json(headers: Mapping[str, str], method: str) -> None:
    media_type = headers.get("content-type") or ""
    if not media_type and "origin" not in headers:  # scripts of another site can omit it, too
        media_type = JSON
    media_type = media_type.partition(";")[0].strip().lower()
    allowed = (JSON, MERGE_PATCH) if method == "PATCH" else (JSON,)
    if media_type not in allowed:
        accepted = ACCEPT_PATCH if method == "PATCH" else {}
        raise HttpProblem(415, f"content-type: must be {' or '.join(allowed)}", headers=accepted)


@contextmanager
def as_invalid(
    kind: type[msgspec.Struct],
    whole: str,
    unlisted: Collection[str] = OUTPUT_ONLY,
    raw: bytes = b"{}",
) -> Iterator[None]:
    """Translate msgspec's errors within the block into Invalid.

    Args:
        whole: what to call the value if no single field of it is wrong.
        unlisted: the fields that the detail does not name among those that are allowed.
        raw: the JSON, if the type has objects in objects.
    """
    try:
        yield
    except msgspec.ValidationError as error:
        text, place = places.split(str(error), kind, raw)
        raise _invalid(text, place, whole, unlisted) from error


def _invalid(text: str, place: Place, whole: str, unlisted: Collection[str]) -> Invalid:
    """Translate msgspec's message into what is wrong and what is allowed."""
    if missing := _MISSING.match(text):
        return Invalid(f"{place.named(missing[1])}: required")
    if place.kind is not None:
        if unknown := places.UNKNOWN.match(text):
            fields = msgspec.structs.fields(place.kind)
            allowed = [one.name for one in fields if one.required or one.name not in unlisted]
            name = place.named(json_errors.shorten(unknown[1]))
            return _unknown(name, "field", sorted(allowed))
        if text.partition(":")[0] in place.kind.__struct_fields__:
            return Invalid(place.named(text))  # of a struct's own check
    return Invalid(f"{place.name or whole}: {place.must}")


def _unknown(name: str, what: str, allowed: list[str]) -> Invalid:
    names = f"; allowed are {', '.join(allowed)}" if allowed else "; none is allowed"
    return Invalid(f"{name}: unknown {what}{names}")
