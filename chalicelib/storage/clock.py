"""The time, in the one form in which it is stored."""

from datetime import UTC, datetime


def now() -> str:
    """This instant in UTC: ISO 8601 with microseconds, 2026-01-31T12:00:00.000000Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
