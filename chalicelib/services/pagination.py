"""Pages of lists: sort order, filters, offset and start.

A page costs one Query for each lane and each status that it asks for; with an offset that skips
more than 1 MB of a lane, up to MAX_QUERIES_PER_PART, but none of a lane that has ended or is ahead
of the others. DynamoDB ends a Query at 1 MB, so a page of large tasks may have fewer items than
asked for; its cursor leads to the others.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Generic, Literal, TypeVar

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.domain.user import User
from chalicelib.dynamodb import index_keys
from chalicelib.dynamodb.codec import Entry, QueryResult, StoredTask
from chalicelib.dynamodb.index_keys import KeyRange
from chalicelib.dynamodb.lane_queries import Merge
from chalicelib.dynamodb.queries import EVERY_KEY, Index, Part

E = TypeVar("E", User, StoredTask)
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")
Sort = Literal["created_at", "expires_at"]
Order = Literal["asc", "desc"]

MAX_OFFSET = 10_000
EQUAL_SHARE_OFFSET = 2_500
"""The offset above which each lane skips an equal share: about 1 MB of short tasks."""
MAX_QUERIES_PER_PART = 20
"""How many times 1 MB of each lane an offset may skip."""
MEAN_QUERIES_PER_PART = 4
"""How many Queries of a lane and status an offset may take on average, if there are more than
MAX_QUERIES_PER_PART parts. Fewer parts share as many Queries as these."""


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list to read."""

    page_size: int = 100
    offset: int = 0
    """The number of items to skip."""
    sort: Sort = "created_at"
    order: Order = "desc"
    statuses: tuple[str, ...] = ()
    """The only statuses to return; none returns all."""
    first_day: date | None = None
    """The first day of what the list is sorted by, creation or due date."""
    last_day: date | None = None
    """The last day of it, inclusive."""
    unassigned: bool = False
    """Whether to return only tasks without assignees."""
    after: str | None = None
    """The sort key after which the page starts."""

    @property
    def ascending(self) -> bool:
        """Whether small sort keys come first."""
        return self.order == "asc"

    @property
    def by_due_date(self) -> bool:
        """Whether the list is sorted by due date."""
        return self.sort == "expires_at"

    @property
    def has_range(self) -> bool:
        """Whether the list has some days only."""
        return self.first_day is not None or self.last_day is not None


class Page(msgspec.Struct, Generic[T_co], frozen=True):
    """A page of a list."""

    items: Sequence[T_co]
    sort_keys: Sequence[str]
    """The sort key of each item."""
    next: str | None
    """The sort key after which the next page starts; None if there is no next page."""

    def first(self, count: int) -> "Page[T_co]":
        """Return the page with the first `count` items only, at least one."""
        if count >= len(self.items):
            return self
        sort_keys = self.sort_keys[:count]
        return Page(self.items[:count], sort_keys, sort_keys[-1])

    def map(self, change: Callable[[T_co], R]) -> "Page[R]":
        """Return the page with each item changed."""
        return Page([change(item) for item in self.items], self.sort_keys, self.next)


def read_page(
    index: Index[E],
    parts: Sequence[Part],
    paging: Paging,
    belongs: Callable[[E], bool] | None = None,
) -> Page[E]:
    """Read one page.

    Args:
        parts: the parts of the index that make the list, such as its lanes.
        belongs: returns whether an entity that was read belongs in the list. None: all do. The
            page is shorter by those that do not.

    Raises:
        Invalid: the offset skips more than 20 MB of a lane, or 80 MB of a list with up to
            20 parts.
    """
    skip = paging.offset
    keys = _key_range(paging).beyond(paging.after, paging.ascending)
    merge = Merge(index, parts, keys=keys, ascending=paging.ascending)
    most = MEAN_QUERIES_PER_PART * max(MAX_QUERIES_PER_PART, len(parts))
    while merge.most_queries < MAX_QUERIES_PER_PART and merge.queries < most:
        shared = skip > EQUAL_SHARE_OFFSET and merge.open_parts > 1
        merge.read(skip if shared else skip + paging.page_size + 1, shared=shared)
        result: QueryResult[E] = merge.take()
        if len(result.entries) > skip or not result.more:
            return _page(result.entries[skip:], result.more, paging.page_size, belongs)
        skip -= len(result.entries)
    raise Invalid("offset: is too large for this list; follow the Link header instead")


def _key_range(paging: Paging) -> KeyRange:
    if not paging.has_range:
        return EVERY_KEY
    make = index_keys.due_range if paging.by_due_date else index_keys.created_range
    return make(paging.first_day, paging.last_day)


def _page(
    entries: Sequence[Entry[E]],
    more: bool,
    page_size: int,
    belongs: Callable[[E], bool] | None,
) -> Page[E]:
    read = entries[:page_size]
    more = more or len(read) < len(entries)
    shown = read if belongs is None else [entry for entry in read if belongs(entry.entity)]
    return Page(
        [entry.entity for entry in shown],
        [entry.sort_key for entry in shown],
        read[-1].sort_key if more and read else None,
    )
