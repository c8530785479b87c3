"""DynamoDB removes tokens that have expired.

Time to Live needs a number, the seconds since 1970; `expires_at` is text. A token whose
`expires_at` can't be read is not removed.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from billet.migrations.database import Item, Write, update
from billet.migrations.migration import Migration, Scan


def seconds(expires_at: str) -> int | None:
    """Return a time in UTC as the seconds since 1970; None if it is no time."""
    try:
        time = datetime.strptime(expires_at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return math.ceil(time.timestamp())


def set_expiry(token: Item) -> Iterator[Write]:
    """Yield the update of a token that expires."""
    expires = seconds(token["expires_at"].get("S", ""))
    if expires is None or token.get("expires") == {"N": str(expires)}:
        return
    yield update(
        "tokens",
        {"digest": token["digest"]},
        "SET expires = :expires",
        "expires_at = :at",
        {":at": token["expires_at"], ":expires": {"N": str(expires)}},
    )


MIGRATION = Migration(
    file=__file__,
    title="let DynamoDB remove expired tokens",
    expiries={"tokens": "expires"},
    scans=(Scan("tokens", set_expiry, units=1, condition="attribute_exists(expires_at)"),),
)
