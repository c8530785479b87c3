"""Cursors: the opaque strings of next-page links.

A cursor holds a sort key rather than an item. So it is still valid after the item is deleted and
after the number of lanes has changed.
"""

import base64
import binascii
import re
from datetime import date
from typing import Any

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.services.pagination import Order, Paging, Sort

MUST_BE = "must be a cursor from a Link header"

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_SORT_KEYS: dict[Sort, re.Pattern[str]] = {
    "created_at": re.compile(rf"{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}Z#[0-9]{{16}}"),
    "expires_at": re.compile(rf"{_DATE}~?#[0-9]{{16}}"),
}
"""The formats of `chalicelib.dynamodb.index_keys`."""


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The content of a cursor: the list that it was made for, and the sort key of the last item."""

    path: str
    sort: Sort
    order: Order
    status: str | None
    """The statuses, separated by commas."""
    after: str
    # Not in the cursors of earlier releases, nor in those of lists without these filters.
    first_day: date | None = None
    last_day: date | None = None
    unassigned: bool = False


def encode(path: str, paging: Paging, after: str) -> str:
    """Return the URL-safe cursor for a sort key in the list at `path`."""
    statuses = ",".join(paging.statuses) or None
    content: list[Any] = [path, paging.sort, paging.order, statuses, after]
    if paging.has_range or paging.unassigned:
        content += [paging.first_day, paging.last_day, paging.unassigned]
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=").decode()


def decode(text: str, path: str) -> Paging:
    """Return the sort, order, filters and sort key of a cursor of the list at `path`.

    Raises:
        Invalid: the cursor is malformed or was made for another list.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise Invalid(f"cursor: {MUST_BE}") from error
    if not _SORT_KEYS[cursor.sort].fullmatch(cursor.after):
        raise Invalid(f"cursor: {MUST_BE}")
    if cursor.path != path:
        raise Invalid("cursor: must be from the Link header of this list")
    return Paging(
        sort=cursor.sort,
        order=cursor.order,
        statuses=() if cursor.status is None else tuple(cursor.status.split(",")),
        first_day=cursor.first_day,
        last_day=cursor.last_day,
        unassigned=cursor.unassigned,
        after=cursor.after,
    )
