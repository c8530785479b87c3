"""The time, in the one form in which it is stored."""

from datetime import UTC, datetime


def now() -> str:
    """This instant, as `stamp` writes it."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """A moment of UTC: ISO 8601 with microseconds, 2026-01-31T12:00:00.000000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
