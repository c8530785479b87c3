"""The values of sort keys and of index hash keys.

Both sort keys end in the id, zero-padded to the 16 digits of 2^53-1, so that they are unique and
sort as strings.
"""

import unicodedata

NEVER = "9999-12-31"
"""What stands in a key for no deadline. A real deadline on that day is written as _LAST_DAY."""
_LAST_DAY = "9999-12-30~"
"""Sorts after all of 9999-12-30, for "~" comes after "#", and before NEVER."""


def recency(created_at: str, ident: int) -> str:
    """Sorts by creation. `created_at` is UTC in ISO 8601 with microseconds."""
    return f"{created_at}#{ident:016d}"


def urgency(expires_at: str | None, ident: int) -> str:
    """Sorts by deadline (YYYY-MM-DD), what has none last."""
    day = _LAST_DAY if expires_at == NEVER else expires_at or NEVER
    return f"{day}#{ident:016d}"


def status_lane(status: str, lane: int) -> str:
    """The hash key of the indexes of one status."""
    return f"{status}#{lane}"


def status_place(status: str, place: str) -> str:
    """Sorts by status, and the tasks of one status by recency or urgency."""
    return f"{status}#{place}"


def span(status: str, after: str | None, ascending: bool) -> tuple[str, str]:
    """The first and the last status_place that can come behind `after`, both included.

    A place ends in a digit; "!" sorts before all of its characters, and "~" behind.
    """
    if after is None:
        return f"{status}#", f"{status}#~"
    if ascending:
        return f"{status}#{after}!", f"{status}#~"
    return f"{status}#", f"{status}#{after[:-1]}{chr(ord(after[-1]) - 1)}~"


def claim(username: str) -> str:
    """What usernames that differ only in case or in Unicode form have in common.

    Two names have the same claim if and only if they are compatibility caseless matches
    (Unicode 3.13, D146). The composed form at the end tells the same names apart, and is what
    earlier versions stored for all names but those with U+0345 between combining marks.
    """
    folded = unicodedata.normalize("NFD", username)
    for _ in range(2):
        folded = unicodedata.normalize("NFKD", folded.casefold())
    return unicodedata.normalize("NFKC", folded)
