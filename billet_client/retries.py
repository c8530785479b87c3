"""When a request is sent again, and after how long."""

import random
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic

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
LASTING = (ssl.SSLCertVerificationError, httpx.UnsupportedProtocol)
"""The causes of failures that another try does not change."""


class Attempts:
    """The tries of one request, which share a number of retries and a total time."""

    def __init__(self, retries: int, seconds: float) -> None:
        self._retries = self._left = retries
        self._end = monotonic() + seconds
        self._waits = _waits()

    @property
    def seconds_left(self) -> float:
        return self._end - monotonic()

    def wait_after(self, failure: httpx.Response | httpx.RequestError) -> float | None:
        """Return the seconds to wait before the next try; None to give up.

        A request in progress is waited for until the time is over, however many tries it takes.
        """
        in_progress = isinstance(failure, httpx.Response) and is_in_progress(failure)
        if not in_progress:
            self._left -= 1
        if not self._retries or self._left < 0 or not _is_temporary(failure):
            return None
        asked = retry_after(failure) if isinstance(failure, httpx.Response) else None
        wait = max(next(self._waits), asked or 0.0)
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


def _is_temporary(failure: httpx.Response | httpx.RequestError) -> bool:
    if isinstance(failure, httpx.Response):
        return failure.status_code in TEMPORARY or is_in_progress(failure)
    return not any(isinstance(cause, LASTING) for cause in _causes(failure))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
