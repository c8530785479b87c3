"""When a request is sent again, and after how long."""

import random
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

FIRST_WAIT = 0.25
LONGEST_WAIT = 8.0
"""Seconds; they double from one to the other. Each is shortened by a random part of up to half."""
TEMPORARY = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Attempts:
    """The tries of one request, which share a number of retries and a total time."""

    def __init__(self, retries: int, seconds: float) -> None:
        self._retries = retries
        self._end = time.monotonic() + seconds
        self._waits = _waits()

    @property
    def seconds_left(self) -> float:
        return self._end - time.monotonic()

    def wait_after(self, failure: httpx.Response | Exception) -> float | None:
        """Return how long to wait before the next try; None to give up.

        A request in progress is waited for until the time is over, however many tries it takes.
        """
        if isinstance(failure, httpx.Response):
            in_progress = is_in_progress(failure)
            if not in_progress and failure.status_code not in TEMPORARY:
                return None
            asked = retry_after(failure)
        else:
            if _is_lasting(failure):
                return None
            in_progress, asked = False, None
        if self._retries == 0:
            return None
        self._retries -= not in_progress
        wait = next(self._waits) if asked is None else asked
        return wait if wait < self.seconds_left else None


def is_in_progress(response: httpx.Response) -> bool:
    """Return whether a request with the same idempotency key is in progress."""
    return response.status_code == HTTPStatus.CONFLICT and "retry-after" in response.headers


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds in Retry-After, which may be an HTTP date (RFC 9110, 10.2.3)."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _waits() -> Iterator[float]:
    longest = FIRST_WAIT
    while True:
        yield longest * random.uniform(0.5, 1)  # noqa: S311
        longest = min(2 * longest, LONGEST_WAIT)


def _is_lasting(error: BaseException | None) -> bool:
    """Return whether another try can't help: a certificate or URL that is not valid."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError | httpx.UnsupportedProtocol):
            return True
        error = error.__cause__ or error.__context__
    return False
