"""Where `billet top` gets the lines of requests: each source yields the texts of log lines.

A source that follows yields None when there is nothing new, so that its reader can do other work.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from billet.serve.recent_requests import FILES, OLDER
from chalicelib.http.request_log import LOGGER

Texts = Iterator[str | None]
POLL_SECONDS = 0.25
LOGS_POLL_SECONDS = 2.0
"""FilterLogEvents is limited to 5 calls a second in an account and region."""
LATE_SECONDS = 10.0
"""How late CloudWatch Logs may show a line after a later one."""


def from_files(paths: Iterable[Path], *, follow: bool) -> Texts:
    """Yield the lines of files, and those that are added to them."""
    with ExitStack() as files:
        tails = [files.enter_context(closing(_Tail(path))) for path in paths]
        while True:
            yield from _read(tails)
            if not follow:
                return
            yield None
            time.sleep(POLL_SECONDS)


def from_server(data: Path, *, follow: bool) -> Texts:
    """Yield the lines of the servers with this data folder, the workers that start later included.

    Args:
        data: the folder; see `billet.serve.recent_requests`.
    """
    tails: dict[Path, _Tail] = {}
    yield from from_files(data.glob(f"{FILES}{OLDER}"), follow=False)
    with ExitStack() as files:
        while True:
            for path in sorted(data.glob(FILES)):
                if path not in tails:
                    tails[path] = files.enter_context(closing(_Tail(path)))
            yield from _read(tails.values())
            if not follow:
                return
            yield None
            time.sleep(POLL_SECONDS)


def from_log_group(logs: Any, group: str, since: float, *, follow: bool) -> Texts:
    """Yield the lines of a log group of CloudWatch Logs since a time.

    FilterLogEvents, not StartLiveTail: it also has the past, and live tail omits lines above 500
    a second.

    Args:
        logs: boto3's client of CloudWatch Logs.
        since: in seconds since 1970.
    """
    pages = logs.get_paginator("filter_log_events")
    start = int(since * 1000)
    seen: dict[str, int] = {}
    while True:
        newest = start
        for page in pages.paginate(
            logGroupName=group,
            startTime=start,
            filterPattern=f'{{ $.logger = "{LOGGER}" }}',
        ):
            for event in page["events"]:
                if event["eventId"] not in seen:
                    seen[event["eventId"]] = event["timestamp"]
                    newest = max(newest, event["timestamp"])
                    yield event["message"]
        if not follow:
            return
        start = max(start, newest - int(LATE_SECONDS * 1000))
        seen = {ident: at for ident, at in seen.items() if at >= start}
        yield None
        time.sleep(LOGS_POLL_SECONDS)


class _Tail:
    """Reads the lines of a file that grows, and that a new file may replace."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._part = b""

    def lines(self) -> Iterator[str]:
        """Yield the lines that are complete now and were not yielded before."""
        yield from self._rest()
        if self._is_replaced():
            yield from self._rest()
            self._file.close()
            self._file = self._path.open("rb")
            yield from self._rest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rest(self) -> Iterator[str]:
        for line in self._file:
            self._part += line
            if self._part.endswith(b"\n"):
                yield self._part.decode("utf-8", "replace")
                self._part = b""

    def _is_replaced(self) -> bool:
        try:
            found = self._path.stat().st_ino
        except FileNotFoundError:
            return False  # the new one is not there yet
        return found != os.fstat(self._file.fileno()).st_ino


def _read(tails: Iterable[_Tail]) -> Texts:
    for tail in tails:
        yield from tail.lines()
