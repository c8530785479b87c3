"""Threads that handle requests, and the requests that wait for one."""

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from chalicelib.http import problems

log = logging.getLogger(__name__)

BUSY = "the server is busy; try again"


class WorkerPool:
    """A fixed number of threads and a bounded queue.

    A thread that is free takes the next request from the queue without the event loop, and sends
    the response itself: both save a switch of threads for each request.

    Args:
        threads: how many requests are handled at the same time.
        waiting: how many more may wait for a thread.
        wait_seconds: how long they may wait.
    """

    def __init__(self, threads: int, waiting: int, wait_seconds: float) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._threads = threads
        self._places = threads + waiting
        self._taken = 0
        self._wait_seconds = wait_seconds
        for _ in range(threads):
            threading.Thread(target=self._work, name="work", daemon=True).start()

    @property
    def full(self) -> bool:
        """Whether there is no place left."""
        return self._taken >= self._places

    async def run(self, work: Callable[[], None]) -> None:
        """Call `work` in a thread and wait until it returns.

        Raises:
            HttpProblem: 503 if there is no place, or no thread is free in time.
        """
        if self.full:
            raise problems.unavailable(BUSY)
        job = _Job(work)
        timer = None
        if self._taken >= self._threads:
            timer = job.loop.call_later(self._wait_seconds, job.give_up)
        self._taken += 1
        self._jobs.put(job)
        try:
            await job.ended
        finally:
            self._taken -= 1
            if timer:
                timer.cancel()

    def _work(self) -> None:
        while True:
            self._jobs.get().run()


class _Job:
    """A call that a thread begins, or the event loop gives up, but never both."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._begun = threading.Lock()
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self.loop.create_future()

    def run(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            self._work()
        except Exception:  # the next request needs this thread
            log.exception("a mistake of ours:")
        finally:
            self.loop.call_soon_threadsafe(self._end)

    def give_up(self) -> None:
        if self._begun.acquire(blocking=False):
            self.ended.set_exception(problems.unavailable(BUSY))

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
