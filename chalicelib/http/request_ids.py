"""The id of a request, which is in its response and in each line of its log."""

import re
from typing import Protocol

HEADER = "X-Request-Id"

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""No character that could begin another line of the log or of the response's head."""


class Headers(Protocol):
    """The headers of a request, by name without regard to case."""

    def get(self, name: str, default: str, /) -> str: ...


def choose(headers: Headers, generated: str) -> str:
    """Return the well-formed X-Request-Id of a request, or else the generated id."""
    sent = headers.get(HEADER, "")
    return sent if _WELL_FORMED.fullmatch(sent) else generated
