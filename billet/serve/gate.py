"""How much `billet serve` works on at once, so that a crowd is told so instead of waiting."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_WORK = 16
WAITING = 112
WAIT_SECONDS = 10.0


class Full(Exception):
    """As many requests are at work and waiting as may be."""


class Gate:
    """Lets some requests work, has some more wait a while, and turns away the others.

    Args:
        at_work: how many requests work at once.
        waiting: how many more may wait for one of those to end.
        seconds: for how long they may.
    """

    def __init__(
        self, at_work: int = AT_WORK, waiting: int = WAITING, seconds: float = WAIT_SECONDS
    ) -> None:
        self._places = threading.BoundedSemaphore(at_work + waiting)
        self._work = threading.BoundedSemaphore(at_work)
        self._seconds = seconds

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The work in this block is let in.

        Raises:
            Full: there is no place, or none became free in time. Nothing was done.
        """
        if not self._places.acquire(blocking=False):
            raise Full
        try:
            if not self._work.acquire(timeout=self._seconds):
                raise Full
            try:
                yield
            finally:
                self._work.release()
        finally:
            self._places.release()
