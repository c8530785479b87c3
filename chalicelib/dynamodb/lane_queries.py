"""Queries of several lanes and statuses at once, merged into one sorted list."""

import contextvars
import heapq
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from chalicelib.domain.user import User
from chalicelib.dynamodb.codec import Entry, QueryResult, StoredTask
from chalicelib.dynamodb.index_keys import KeyRange
from chalicelib.dynamodb.queries import Index, Part, query
from chalicelib.settings import MAX_LANES

E = TypeVar("E", User, StoredTask)

_sort_key = operator.attrgetter("sort_key")
_threads = ThreadPoolExecutor(MAX_LANES, thread_name_prefix="lane")


def query_lanes(
    index: Index[E], parts: Sequence[Part], *, keys: KeyRange, ascending: bool, limit: int
) -> QueryResult[E]:
    """Query each part for up to `limit` entities, at the same time, and merge the results.

    A part is a lane, or one status of a lane. The merged list ends where the first part that has
    more ends, because entities of that part may be next.
    """

    def read(part: Part) -> QueryResult[E]:
        return query(index, part, keys=keys, ascending=ascending, limit=limit)

    if len(parts) == 1:
        result = read(parts[0])
        return QueryResult(result.entries, result.more and bool(result.entries))
    results = _concurrently(read, parts)
    merged = heapq.merge(
        *(result.entries for result in results), key=_sort_key, reverse=not ascending
    )
    ends = [result.entries[-1].sort_key for result in results if result.more and result.entries]
    if not ends:
        return QueryResult(list(merged), False)
    return QueryResult(list(_until(min(ends) if ascending else max(ends), merged)), True)


@contextmanager
def alongside(check: Callable[[], object]) -> Iterator[None]:
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
    read: Callable[[Part], QueryResult[E]], parts: Sequence[Part]
) -> list[QueryResult[E]]:
    # Each thread has a copy of the context, which holds the time budget.
    works = [_threads.submit(contextvars.copy_context().run, read, part) for part in parts]
    wait(works)
    return [work.result() for work in works]
