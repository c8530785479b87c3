"""The id of a request, which is in its response and in each line of its log."""

import logging
import re
from contextvars import ContextVar
from typing import Any, Protocol

HEADER = "X-Request-Id"

log = logging.getLogger(__name__)

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""No character that could begin another line of the log or of the response's head."""
_current = ContextVar("request_id", default="-")


class Headers(Protocol):
    """The headers of a request, by name without regard to case."""

    def get(self, name: str, default: str, /) -> str: ...


def begin(headers: Headers, generated: str) -> dict[str, str]:
    """Set the id of the request that this thread works on.

    Args:
        headers: those of the request. A well-formed X-Request-Id is used as it is.
        generated: the id to use otherwise.

    Returns:
        The header for the response.
    """
    sent = headers.get(HEADER, "")
    _current.set(sent if _WELL_FORMED.fullmatch(sent) else generated)
    return {HEADER: _current.get()}


def current() -> str:
    """Return the id of the request that this thread works on; "-" outside of a request."""
    return _current.get()


def log_failure(method: str, route: str, status: int) -> None:
    """Log a response of 400 or more, in logfmt and without anything that the client sent.

    A server error is a warning.
    """
    level = logging.WARNING if status >= 500 else logging.INFO
    log.log(level, "method=%s route=%s status=%s", method, route, status)


def add_to_log_records() -> None:
    """Append the id to each message of the loggers `billet` and `chalicelib`, in any format."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _RecordFactory):
        logging.setLogRecordFactory(_RecordFactory(make))


class _RecordFactory:
    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(
        self, name: str, level: int, path: str, line: int, message: object, *rest: Any, **named: Any
    ) -> logging.LogRecord:
        if name.partition(".")[0] in {"billet", "chalicelib"}:
            message = f"{message} request_id={current()}"  # an id has no %
        record: logging.LogRecord = self._make(name, level, path, line, message, *rest, **named)
        return record
