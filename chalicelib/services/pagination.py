"""Pages of lists: sort order, filter, offset and start.

A page costs one Query for each lane; with an offset that skips more than 1 MB of a lane, up to
MAX_ROUNDS. DynamoDB ends a Query at 1 MB, so a page of large tasks may
have fewer items than asked for; its cursor leads to the others.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Literal, TypeVar

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.domain.user import User
from chalicelib.dynamodb.codec import Entry, StoredTask
from chalicelib.dynamodb.lane_queries import query_lanes
from chalicelib.dynamodb.queries import Index

E = TypeVar("E", User, StoredTask)
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")
Sort = Literal["created_at", "expires_at"]
Order = Literal["asc", "desc"]

MAX_OFFSET = 10_000
EQUAL_SHARE_OFFSET = 2_500
"""The offset above which each lane skips an equal share: about 1 MB of short tasks."""
MAX_ROUNDS = 20
"""How many times 1 MB of each lane an offset may skip."""


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list to read."""

    page_size: int = 100
    offset: int = 0
    """The number of items to skip."""
    sort: Sort = "created_at"
    order: Order = "desc"
    status: str | None = None
    """The only status to return; None returns all."""
    after: str | None = None
    """The sort key after which the page starts."""

    @property
    def ascending(self) -> bool:
        """Whether small sort keys come first."""
        return self.order == "asc"


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


def read_page(index: Index[E], hash_keys: Sequence[str], paging: Paging) -> Page[E]:
    """Read one page.

    Args:
        hash_keys: the hash key of each lane of the list.

    Raises:
        Invalid: the offset skips more than 20 MB of a lane.
    """
    after, skip = paging.after, paging.offset
    for _ in range(MAX_ROUNDS):
        far = skip > EQUAL_SHARE_OFFSET and len(hash_keys) > 1
        result = query_lanes(
            index,
            hash_keys,
            after=after,
            ascending=paging.ascending,
            limit=skip // len(hash_keys) if far else skip + paging.page_size + 1,
            status=paging.status,
        )
        if len(result.entries) > skip or not result.more:
            return _page(result.entries[skip:], result.more, paging.page_size)
        skip -= len(result.entries)
        after = result.entries[-1].sort_key
    raise Invalid("offset: is too large for this list; follow the Link header instead")


def _page(entries: Sequence[Entry[E]], more: bool, page_size: int) -> Page[E]:
    shown = entries[:page_size]
    sort_keys = [entry.sort_key for entry in shown]
    more = more or len(shown) < len(entries)
    items = [entry.entity for entry in shown]
    return Page(items, sort_keys, sort_keys[-1] if more and shown else None)
