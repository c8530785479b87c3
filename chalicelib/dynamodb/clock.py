"""The current time in the formats that are stored."""

import time
from datetime import UTC, datetime


def now() -> str:
    """Return the current time in the format of `stamp`."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Format a time in UTC as ISO 8601 with microseconds: 2026-01-31T12:00:00.000000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds() -> int:
    """Return the seconds since 1970 in UTC, the format of DynamoDB's time to live."""
    return int(time.time())
