"""Users."""

import unicodedata
from typing import Self

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user.

    `created_at` is UTC in ISO 8601 with microseconds. `version` counts the writes that clients see,
    from 1: assignments do not change it.
    """

    id: int
    username: str
    created_at: str
    version: int = 1
    assignment_count: int = 0
    """How many times a task was ever assigned to the user. Never decreases, so that a delete
    notices an assignment that came after it read the user's tasks."""
    deleting: bool = False
    """Whether a delete in several transactions has started. Readers hide the user. Other processes
    may show the user for some seconds more, as an assignee (`services.deleting_users`)."""
    feed_digest: str | None = None
    """The SHA-256 of the secret of the user's feed, in hexadecimal; None if there is no feed."""

    def renamed(self, username: str) -> Self:
        """Return the next version of the user, with another name."""
        return msgspec.structs.replace(self, username=username, version=self.version + 1)


def normalize_username(username: str) -> str:
    """Return the form that usernames have in common if they differ only in case or Unicode form.

    Two names have the same normalized form if and only if they are compatibility caseless matches
    (Unicode 3.13, D146). NFKC at the end keeps these matches, and keeps the form that earlier
    releases stored for all names but those with U+0345 between combining marks.
    """
    folded = unicodedata.normalize("NFD", username)
    for _ in range(2):
        folded = unicodedata.normalize("NFKD", folded.casefold())
    return unicodedata.normalize("NFKC", folded)
