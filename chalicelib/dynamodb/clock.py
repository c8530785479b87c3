"""The time, in the forms in which it is stored."""

import time
from datetime import UTC, datetime


def now() -> str:
    """This instant, as `stamp` writes it."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """A moment of UTC: ISO 8601 with microseconds, 2026-01-31T12:00:00.000000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds() -> int:
    """Seconds since 1970 in UTC, the form in which DynamoDB knows when an item expires."""
    return int(time.time())
