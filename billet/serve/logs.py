"""The log of `billet serve`: coloured text on a terminal, else JSON."""

import logging
import select
import sys
from typing import TextIO

import click

from chalicelib.http import json_log
from chalicelib.http.json_log import JsonFormatter
from chalicelib.http.request_log import Line

SLOW_MILLISECONDS = 1000.0
WAIT_MILLISECONDS = 1000
"""How long the log waits for somebody to read its stream, before it drops lines."""


def set_up() -> None:
    """Write the log to standard error, unless a log has been set up in this process."""
    json_log.omit_unused_parts()
    handler = PatientHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(handlers=[handler])


class PatientHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream, such as a pipe, but drops records while nobody reads it.

    A pipe that poll reports as writable takes 4 KB without blocking (PIPE_BUF).
    """

    def __init__(self, stream: TextIO, wait_milliseconds: int = WAIT_MILLISECONDS) -> None:
        super().__init__(stream)
        self._wait = wait_milliseconds
        self._dropped = 0
        self._poll = select.poll()
        self._poll.register(stream, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, and before it how many were dropped; or drop it."""
        if not self._poll.poll(0 if self._dropped else self._wait):
            self._dropped += 1
            return
        if self._dropped:
            text = f"{self._dropped} lines of the log are missing: nobody read it"
            self._dropped = 0
            super().emit(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (), None))
        super().emit(record)


class TextFormatter(logging.Formatter):
    """Formats records for a terminal, with colours."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record; of a request, one line with what matters most."""
        line = record.msg
        if not isinstance(line, Line):
            return super().format(record)
        status = click.style(str(line.status), fg=_colour(line.status), bold=True)
        ms = f"{line.ms:.1f} ms"
        parts = [
            click.style(line.time[11:-1], dim=True),
            status,
            line.route,
            click.style(ms, fg="yellow") if line.ms >= SLOW_MILLISECONDS else ms,
            click.style(f"({', '.join(_details(line))})", dim=True),
            line.principal or "",
            click.style(line.request_id, dim=True),
        ]
        return "  ".join(filter(None, parts))


def _details(line: Line) -> list[str]:
    """Return where the time went and what it cost, without what is zero."""
    calls = f"{line.calls} call{'s' if line.calls != 1 else ''}"
    amounts = [
        (line.db_ms, f"db {line.db_ms:.1f} ms"),
        (line.wait_ms >= 1, f"wait {line.wait_ms:.1f} ms"),
        (line.backoff_ms, f"backoff {line.backoff_ms:.1f} ms"),
        (True, calls),
        (line.rcu, f"{line.rcu:g} RCU"),
        (line.wcu, f"{line.wcu:g} WCU"),
        (line.offset, f"offset {line.offset}"),
        (line.retries, f"{line.retries} retries"),
        (line.conflicts, f"{line.conflicts} conflicts"),
        (line.throttles, f"{line.throttles} throttles"),
        (line.replay, "replay"),
        (line.cold_start, "cold start"),
    ]
    return [text for amount, text in amounts if amount]


def _colour(status: int) -> str:
    if status >= 500:
        return "red"
    return "yellow" if status >= 400 else "green"
