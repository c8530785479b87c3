"""By when a request must be answered, for all that works on it, on whatever floor.

API Gateway gives up after 29 s, and what is done after that nobody is told of. So no call to the
database begins which may not end in time.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

monotonic = time.monotonic
sleep = time.sleep

_END: ContextVar[float] = ContextVar("_END", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Gives the work in this block, and in copies of its context, so many seconds from now."""
    token = _END.set(monotonic() + seconds)
    try:
        yield
    finally:
        _END.reset(token)


def left() -> float:
    """How many seconds are left, never less than 0; infinitely many outside of a request."""
    return max(0.0, _END.get() - monotonic())


def pause(seconds: float) -> None:
    """Waits so long, or until the deadline where that is sooner."""
    sleep(min(seconds, left()))
