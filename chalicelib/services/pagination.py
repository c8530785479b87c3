"""Lists in pages: sort, filter, offset and cursor, over one lane or many.

A cursor is a place in the order, not an item: it holds when the item that it names is gone and
when the number of lanes has changed. A page costs one Query per lane; DynamoDB ends a Query at
1 MB, so a page of large tasks may be shorter than asked for, and its cursor leads on.
"""

import base64
import binascii
import contextvars
import heapq
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, Literal, TypeVar

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.dynamodb import queries
from chalicelib.dynamodb.codec import Task, User
from chalicelib.settings import MAX_LANES

R = TypeVar("R", User, Task)
Sort = Literal["created_at", "expires_at"]
Order = Literal["asc", "desc"]

MAX_OFFSET = 10_000
FAR = 2_500
"""An offset beyond which lanes are passed over in equal shares: about 1 MB of short tasks."""
MAX_ROUNDS = 20
"""How many times 1 MB a lane an offset may reach over."""

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLACES: dict[Sort, re.Pattern[str]] = {
    "created_at": re.compile(rf"{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}Z#[0-9]{{16}}"),
    "expires_at": re.compile(rf"{_DATE}~?#[0-9]{{16}}"),
}
"""The form of the places in each order; see chalicelib/dynamodb/sort_keys.py."""


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of which order is wanted; `after` is a place in that order."""

    page_size: int = 100
    offset: int = 0
    sort: Sort = "created_at"
    order: Order = "desc"
    status: str | None = None
    after: str | None = None

    @property
    def ascending(self) -> bool:
        """Whether small sort keys come first."""
        return self.order == "asc"


class Page(msgspec.Struct, Generic[R], frozen=True):
    """A page, and the place in the order behind which the next begins; None: there is no more."""

    records: Sequence[R]
    next: str | None
    places: Sequence[str]
    """The place of each record in the order."""

    def first(self, count: int) -> "Page[R]":
        """The page without the records behind the first `count`, which must be at least one."""
        if count >= len(self.records):
            return self
        places = self.places[:count]
        return Page(self.records[:count], places[-1], places)


class Lanes(msgspec.Struct, Generic[R], frozen=True):
    """What is listed: an ordering, and the hash key of each of its lanes."""

    ordering: queries.Ordering[R]
    keys: Sequence[str]


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a cursor carries: the list that it was made for, and the place in it."""

    path: str
    sort: Sort
    order: Order
    status: str | None
    after: str


def encode_cursor(path: str, paging: Paging, after: str) -> str:
    """An opaque, URL-safe word for a place in the list at `path`."""
    cursor = _Cursor(path, paging.sort, paging.order, paging.status, after)
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def decode_cursor(word: str, path: str) -> Paging:
    """The sort, order, status and place that a cursor of the list at `path` carries.

    Raises:
        Invalid: it is malformed, or was made for another list.
    """
    try:
        raw = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise Invalid("cursor: must be a cursor from a Link header") from error
    if not _PLACES[cursor.sort].fullmatch(cursor.after):
        raise Invalid("cursor: must be a cursor from a Link header")
    if cursor.path != path:
        raise Invalid("cursor: must be from the Link header of this list")
    return Paging(sort=cursor.sort, order=cursor.order, status=cursor.status, after=cursor.after)


def page(lanes: Lanes[R], paging: Paging) -> Page[R]:
    """Reads one page.

    Raises:
        Invalid: the offset reaches over more than 20 MB a lane.
    """
    after, skip = paging.after, paging.offset
    for _ in range(MAX_ROUNDS):
        far = skip > FAR and len(lanes.keys) > 1
        limit = skip // len(lanes.keys) if far else skip + paging.page_size + 1
        found, more = _merged(lanes, paging, after, limit)
        if len(found) > skip or not more:
            return _cut(found[skip:], more, paging.page_size)
        skip -= len(found)
        after = found[-1].place
    raise Invalid("offset: is too large for the tasks of this list; follow the Link header instead")


def _cut(found: Sequence[queries.Placed[R]], more: bool, page_size: int) -> Page[R]:
    shown = found[:page_size]
    places = [one.place for one in shown]
    more = more or len(shown) < len(found)
    return Page([one.record for one in shown], places[-1] if more and shown else None, places)


def _merged(
    lanes: Lanes[R], paging: Paging, after: str | None, limit: int
) -> tuple[Sequence[queries.Placed[R]], bool]:
    """Up to `limit` records of all lanes in order, as far as all lanes were read."""

    def read(key: str) -> queries.Slice[R]:
        return queries.query(
            lanes.ordering,
            key,
            after=after,
            ascending=paging.ascending,
            limit=limit,
            status=paging.status,
        )

    slices = _on_each(read, lanes.keys)
    if len(slices) == 1:
        [only] = slices
        return only.records, only.more and bool(only.records)
    merged = heapq.merge(
        *(part.records for part in slices), key=_place, reverse=not paging.ascending
    )
    ends = [part.records[-1].place for part in slices if part.more and part.records]
    if not ends:
        return list(merged), False
    # Behind the nearest end, a lane that was not read to its end may have more.
    nearest = min(ends) if paging.ascending else max(ends)
    return list(_until(nearest, merged)), True


def _until(end: str, records: Iterable[queries.Placed[R]]) -> Iterable[queries.Placed[R]]:
    for one in records:
        yield one
        if one.place == end:
            return


_place = operator.attrgetter("place")
_threads = ThreadPoolExecutor(MAX_LANES, thread_name_prefix="lane")


@contextmanager
def meanwhile(check: Callable[[], object]) -> Iterator[None]:
    """Makes a check beside the work in this block; raises what the check does, when both end."""
    checking = _threads.submit(contextvars.copy_context().run, check)
    yield
    checking.result()


def _on_each(
    read: Callable[[str], queries.Slice[R]], keys: Sequence[str]
) -> list[queries.Slice[R]]:
    if len(keys) == 1:
        return [read(keys[0])]
    # Each thread in a context of its own, for two can't be in one, and the deadline is in it.
    works = [_threads.submit(contextvars.copy_context().run, read, key) for key in keys]
    return [work.result() for work in works]
