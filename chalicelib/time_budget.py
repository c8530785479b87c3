"""The time that is left for a request, in every layer.

API Gateway gives up after 29 s, and the client would not hear of what happens later. So no call to
the database begins that might not end in time.
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
    """Limit the time of this block and of copies of its context, by `left` and `pause`.

    Within another block, the earlier end counts.
    """
    token = _END.set(min(_END.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _END.reset(token)


def left() -> float:
    """Return the seconds that are left, at least 0; infinity outside of a request."""
    return max(0.0, _END.get() - monotonic())


def pause(seconds: float) -> None:
    """Sleep, but no longer than the time that is left."""
    sleep(min(seconds, left()))
