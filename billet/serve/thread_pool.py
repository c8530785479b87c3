"""A thread pool with a bounded queue, which rejects requests while it is full."""

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from chalicelib.http import problems

log = logging.getLogger(__name__)

BUSY = "the server is busy; try again"


class BoundedThreadPool:
    """A fixed number of threads and a bounded queue.

    A free thread takes the next request from the queue and sends its response itself, without the
    event loop. Both save a switch of threads for each request.

    Args:
        threads: the number of requests that are handled at the same time.
        max_waiting: the number of requests that may wait for a thread.
        wait_seconds: how long a request may wait.
    """

    def __init__(self, threads: int, max_waiting: int, wait_seconds: float) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._threads = threads
        self._capacity = threads + max_waiting
        self._requests = 0
        self._wait_seconds = wait_seconds
        for _ in range(threads):
            threading.Thread(target=self._work, name="request", daemon=True).start()

    @property
    def full(self) -> bool:
        """Whether another request would be rejected."""
        return self._requests >= self._capacity

    async def run(self, work: Callable[[], None]) -> None:
        """Call `work` in a thread and wait until it returns.

        Raises:
            HttpProblem: 503 if the pool is full, or no thread is free within `wait_seconds`.
        """
        if self.full:
            raise problems.unavailable(BUSY)
        job = _Job(work)
        timer = None
        if self._requests >= self._threads:
            timer = job.loop.call_later(self._wait_seconds, job.cancel)
        self._requests += 1
        self._jobs.put(job)
        try:
            await job.done
        finally:
            self._requests -= 1
            if timer:
                timer.cancel()

    def _work(self) -> None:
        while True:
            self._jobs.get().run()


class _Job:
    """A call that a thread starts or the event loop cancels, but never both."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._claimed = threading.Lock()
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()

    def run(self) -> None:
        if not self._claimed.acquire(blocking=False):
            return
        try:
            self._work()
        except Exception:  # keeps the thread for the next request
            log.exception("unexpected error:")
        finally:
            self._notify()

    def cancel(self) -> None:
        if self._claimed.acquire(blocking=False):
            self.done.set_exception(problems.unavailable(BUSY))

    def _notify(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._finish)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            # The server has stopped, and nobody waits for the response.

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
