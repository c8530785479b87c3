"""The lines of the last requests, in bounded files in the data folder, which `billet top` reads."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from chalicelib.http.request_log import Line

FILES = "requests-*.jsonl"
"""One of each worker, whatever LOG_LEVEL is."""
OLDER = ".1"
"""Ends the name of the file that a full one becomes."""
MAX_BYTES = 8 * 2**20
"""A file has about 14,000 lines."""
KEEP_SECONDS = 3600
"""How long the files of workers that have ended are kept."""


class RecentRequests:
    """Writes lines to a file, and begins a new one when it is full. Thread-safe.

    Args:
        path: the file; that with the suffix OLDER is the one before.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._open()

    def add(self, line: Line) -> None:
        """Write a line. If that fails, for example because the disk is full, it is omitted."""
        text = f"{line}\n".encode()
        with suppress(OSError), self._lock:
            if self._size + len(text) > self._max_bytes:
                os.close(self._descriptor)
                self._path.rename(f"{self._path}{OLDER}")
                self._open()
            self._size += os.write(self._descriptor, text)

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size


def of_this_process(folder: Path) -> RecentRequests:
    """Return a writer for this process in the folder, and delete the files of old ones.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{FILES}*"):
        with suppress(OSError):  # another worker was faster
            if path.stat().st_mtime < time.time() - KEEP_SECONDS:
                path.unlink()
    return RecentRequests(folder / FILES.replace("*", str(os.getpid())))
