"""The formats of times that are stored, and the current time in them."""

import math
import time
from datetime import UTC, datetime


def now() -> str:
    """Return the current time in the format of `stamp`."""
    return stamp(datetime.now(UTC))


def now_in_seconds() -> str:
    """Return the current time in UTC as ISO 8601 with seconds: 2026-01-31T12:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(moment: datetime) -> str:
    """Format a time in UTC as ISO 8601 with microseconds: 2026-01-31T12:00:00.000000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: str) -> int:
    """Return a time in the format of `stamp` as seconds since 1970, rounded up."""
    return math.ceil(datetime.fromisoformat(text).timestamp())


def seconds() -> int:
    """Return the seconds since 1970 in UTC, the format of DynamoDB's time to live."""
    return int(time.time())
