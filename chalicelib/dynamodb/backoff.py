"""Waits between attempts.

They grow and have full jitter, so that clients that collided once do not collide again:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import random
from collections.abc import Iterator

from chalicelib import request_stats, time_budget

FIRST = 0.02
LONGEST = 0.5


def attempts(count: int) -> Iterator[int]:
    """Yield 1 to `count`, for writes that another request may come before.

    Waits before each attempt but the first, and counts a conflict.
    """
    for attempt in range(1, count + 1):
        if attempt > 1:
            request_stats.current().add(conflicts=1)
            wait(attempt)
        yield attempt


def wait(attempt: int) -> None:
    """Wait before an attempt, the second or a later one.

    The wait is random, up to 20 ms, 40 ms, … 500 ms, or until the request's time is up.
    """
    seconds = random.uniform(0, min(LONGEST, FIRST * 2 ** (attempt - 2)))  # noqa: S311
    request_stats.current().add(backoff_seconds=seconds)
    time_budget.pause(seconds)
