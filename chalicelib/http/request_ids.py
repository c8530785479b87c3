"""The id by which a client and the log know the same request."""

import logging
import re
from contextvars import ContextVar
from typing import Any, Protocol

HEADER = "X-Request-Id"

log = logging.getLogger(__name__)

_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current = ContextVar("request_id", default="-")


class Headers(Protocol):
    """The headers of a request, found by names in any case."""

    def get(self, name: str, default: str, /) -> str: ...


def settle(asked: Headers, made: str) -> dict[str, str]:
    """Settles the id of the request that this thread is at; gives the header that tells it.

    It is the one that the client gives, if that is well-formed, else the one that was made. Well-
    formed are 1 to 64 letters, digits, dots, hyphens and underscores of ASCII: nothing that could
    begin another line of the log, or of the head of the reply.
    """
    given = asked.get(HEADER, "")
    _current.set(given if _FORM.fullmatch(given) else made)
    return {HEADER: _current.get()}


def current() -> str:
    """The id of the request that this thread is at; "-" where it is at none."""
    return _current.get()


def note_failure(method: str, route: str, status: int) -> None:
    """Writes a line of the log: logfmt, and nothing in it that a client makes up but its id."""
    log.info("method=%s route=%s status=%s", method, route, status)


def stamp_log_records() -> None:
    """Has our lines of the log end with the id of their request, whatever formats them."""
    make = logging.getLogRecordFactory()

    def stamped(
        name: str, level: int, path: str, line: int, message: object, *rest: Any, **named: Any
    ) -> logging.LogRecord:
        if name.partition(".")[0] in {"billet", "chalicelib"}:
            message = f"{message} request_id={current()}"  # in whose form is no %
        return make(name, level, path, line, message, *rest, **named)

    logging.setLogRecordFactory(stamped)
