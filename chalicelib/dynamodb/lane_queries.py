"""Queries of several lanes and statuses at once, merged into one sorted list."""

import contextvars
import heapq
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from chalicelib.domain.user import User
from chalicelib.dynamodb.codec import Entry, QueryResult, StoredTask
from chalicelib.dynamodb.index_keys import KeyRange
from chalicelib.dynamodb.queries import Index, Part, query
from chalicelib.settings import MAX_LANES

E = TypeVar("E", User, StoredTask)
P = TypeVar("P")

_sort_key = operator.attrgetter("sort_key")
_threads = ThreadPoolExecutor(MAX_LANES, thread_name_prefix="lane")


class _PartBuffer:
    """What was read of a part and is not taken yet.

    Args:
        keys: the keys that were not read yet.
    """

    def __init__(self, part: Part, keys: KeyRange) -> None:
        self.part = part
        self.keys = keys
        self.entries: Sequence[Entry[Any]] = ()
        self.more = True
        self.queries = 0

    def add(self, result: QueryResult[Any], ascending: bool) -> None:
        """Add what a Query has returned."""
        self.queries += 1
        self.entries = [*self.entries, *result.entries]
        self.more = result.more and bool(result.entries)
        if self.more:
            self.keys = self.keys.beyond(result.entries[-1].sort_key, ascending)


class Merge:
    """The entities of several parts of an index, merged, read from the first on.

    A part is a lane, or one status of a lane. What a part has beyond the end of what was taken
    stays for later, and a part that has ended is not queried again.
    """

    def __init__(
        self, index: Index[Any], parts: Sequence[Part], *, keys: KeyRange, ascending: bool
    ) -> None:
        self._index = index
        self._ascending = ascending
        self._buffers = [_PartBuffer(part, keys) for part in parts]

    @property
    def open_parts(self) -> int:
        """The number of parts that have more."""
        return sum(buffer.more for buffer in self._buffers)

    @property
    def queries(self) -> int:
        """The number of Queries of all parts."""
        return sum(buffer.queries for buffer in self._buffers)

    @property
    def most_queries(self) -> int:
        """The number of Queries of the part that had most."""
        return max(buffer.queries for buffer in self._buffers)

    def read(self, count: int, *, shared: bool = False) -> None:
        """Query parts at the same time, so that `count` entities can be taken.

        Args:
            shared: whether parts get `count` together. Each gets as many otherwise, which is
                enough at once, unless a Query ends at 1 MB.
        """
        wanted = max(1, count // max(1, self.open_parts)) if shared else count
        short = [buffer for buffer in self._buffers if buffer.more and len(buffer.entries) < wanted]

        def query_more(buffer: _PartBuffer) -> QueryResult[Any]:
            limit = max(1, count // len(short)) if shared else count - len(buffer.entries)
            return query(
                self._index, buffer.part, keys=buffer.keys, ascending=self._ascending, limit=limit
            )

        for buffer, result in zip(short, _concurrently(query_more, short), strict=True):
            buffer.add(result, self._ascending)

    def take(self) -> QueryResult[Any]:
        """Return the entities that are next, and remove them.

        They end where the first part that has more ends, because entities of it may be next.
        """
        if len(self._buffers) == 1:
            [buffer] = self._buffers
            entries, buffer.entries = buffer.entries, ()
            return QueryResult(entries, buffer.more)
        merged = heapq.merge(
            *(buffer.entries for buffer in self._buffers),
            key=_sort_key,
            reverse=not self._ascending,
        )
        ends = [
            buffer.entries[-1].sort_key
            for buffer in self._buffers
            if buffer.more and buffer.entries
        ]
        if not ends:
            return QueryResult(list(merged), False)
        end = min(ends) if self._ascending else max(ends)
        taken = list(_until(end, merged))
        for buffer in self._buffers:
            buffer.entries = [one for one in buffer.entries if self._is_beyond(one.sort_key, end)]
        return QueryResult(taken, True)

    def _is_beyond(self, sort_key: str, end: str) -> bool:
        return sort_key > end if self._ascending else sort_key < end


@contextmanager
def concurrent_check(check: Callable[[], object]) -> Iterator[None]:
    """Run a check in another thread while the block runs, and raise what it raises at the end.

    No thread outlives the request: in a frozen Lambda function it would go on in the next one.
    """
    checking = _threads.submit(contextvars.copy_context().run, check)
    try:
        yield
    finally:
        wait([checking])
    checking.result()


def _until(end: str, entries: Iterable[Entry[E]]) -> Iterator[Entry[E]]:
    for entry in entries:
        yield entry
        if entry.sort_key == end:
            return


def _concurrently(
    read: Callable[[P], QueryResult[E]], parts: Sequence[P]
) -> Sequence[QueryResult[E]]:
    if len(parts) == 1:
        return [read(parts[0])]
    # Each thread has a copy of the context, which holds the time budget.
    works = [_threads.submit(contextvars.copy_context().run, read, part) for part in parts]
    wait(works)
    return [work.result() for work in works]
