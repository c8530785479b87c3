"""Waiting before another try.

The waits grow and have full jitter, so that those who collided once don't collide again:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import random
from collections.abc import Iterator

from chalicelib import time_budget

FIRST = 0.02
LONGEST = 0.5


def attempts(most: int) -> Iterator[int]:
    """Yields 1 to `most`, with a random wait before each but the first: of up to 20 ms, 40 ms, …
    500 ms, which a deadline cuts short."""
    for attempt in range(1, most + 1):
        yield attempt
        if attempt < most:
            time_budget.pause(random.uniform(0, min(LONGEST, FIRST * 2 ** (attempt - 1))))  # noqa: S311
