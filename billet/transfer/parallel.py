"""Read whole tables, and run many writes, in several threads with bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from pynamodb.models import Model

from chalicelib.domain.errors import LostRace, Unavailable
from chalicelib.dynamodb import backoff, botocore_patches, client
from chalicelib.dynamodb.client import Item

SEGMENTS = 4
"""The number of parts in which a table is read at the same time."""
WRITERS = 8
PAGE = 500
"""The maximum number of items in one page."""
ATTEMPTS = 15
"""How often a call is sent, beside the retries of `client`: a new table takes fewer requests in a
second than these threads can send, until DynamoDB has split it."""
T = TypeVar("T")


class _Page(NamedTuple):
    items: Sequence[Item]
    following: dict[str, Any] | None
    """The arguments of the next page; None after the last one of a segment."""


def pages(model: type[Model]) -> Iterator[Sequence[Item]]:
    """Yield the whole table in pages of items, in any order (strongly consistent reads).

    moto ignores segments, and yields each item once for each.
    """
    starts = [{"Segment": number, "TotalSegments": SEGMENTS} for number in range(SEGMENTS)]
    with _threads(SEGMENTS) as pool:
        running = {pool.submit(_read_page, model, start) for start in starts}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for page in (one.result() for one in done):
                if page.following:
                    running.add(pool.submit(_read_page, model, page.following))
                yield page.items


def item_count(model: type[Model]) -> int:
    """Return the number of items in the table; DynamoDB updates it every six hours.

    Raises:
        TableDoesNotExist: the table does not exist.
    """
    count: int = client.call_with_retries(model.describe_table, repeatable=True)["ItemCount"]
    return count


def run(jobs: Iterable[Callable[[], int]]) -> Iterator[int]:
    """Run the jobs in WRITERS threads, and yield what each returns, in any order.

    Takes a job from `jobs` only shortly before it runs. After an error, no further job starts.
    """
    with _threads(WRITERS) as pool:
        running: set[Future[int]] = set()
        for job in jobs:
            running.add(pool.submit(job))
            if len(running) >= 2 * WRITERS:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)


def patiently(call: Callable[[], T]) -> T:
    """Call, and call again while the database is overloaded or other transactions interfere.

    Raises:
        Unavailable, LostRace: that is so at every attempt.
    """
    for _ in backoff.attempts(ATTEMPTS - 1):
        with suppress(Unavailable, LostRace):
            return call()
    return call()


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(count, thread_name_prefix="transfer")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _read_page(model: type[Model], arguments: dict[str, Any]) -> _Page:
    table = botocore_patches.table_of(model)
    scan = partial(
        table.connection.client.scan,
        TableName=table.table_name,
        Limit=PAGE,
        ConsistentRead=True,
        **arguments,
    )
    reply = patiently(lambda: client.call_with_retries(scan, repeatable=True))
    last = reply.get("LastEvaluatedKey")
    return _Page(reply["Items"], {**arguments, "ExclusiveStartKey": last} if last else None)
