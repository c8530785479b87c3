"""The folder of a local server's data: whether it can be used, in one line if not."""

import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import IO

from billet.emulators.downloads import Unusable

PATTERN = "*.db"
LEAST_FREE = 16 * 2**20
"""Bytes; DynamoDB Local writes a log of its own beside the database before it changes anything."""
READS_SCHEMA = "SELECT count(*) FROM sqlite_master"
"""Takes no time however large the file is."""
CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Trouble(Unusable):
    """The folder cannot be used as it is. It must not be replaced by an empty database."""


def holds_data(folder: Path) -> bool:
    """Tell whether a server has kept data there."""
    return any(folder.glob(PATTERN))


def prepare(folder: Path) -> None:
    """Make the folder; raises Trouble if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def writable(folder: Path, name: str) -> IO[bytes]:
    """Open a file in the folder for writing; raises Trouble if that fails."""
    try:
        return (folder / name).open("wb")
    except OSError as error:
        raise _unusable(folder / name, error) from error


def check(folder: Path, *, wholly: bool = False) -> None:
    """Raise Trouble if the disk is full, or a database file is broken or can't be written.

    Args:
        wholly: read every page of the files, which takes seconds for a gigabyte.
    """
    if shutil.disk_usage(folder).free < LEAST_FREE:
        raise Trouble(
            f"{folder}: the disk is full (less than {LEAST_FREE // 2**20} MB free); "
            "free some space, or choose another folder with --data"
        )
    for file in folder.glob(PATTERN):
        if not os.access(file, os.W_OK):
            raise _unusable(file, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        _check_file(file, "PRAGMA quick_check(1)" if wholly else READS_SCHEMA)


def _check_file(file: Path, query: str) -> None:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        [found] = connection.execute(query).fetchone()
        if query != READS_SCHEMA and found != "ok":
            raise _corrupt(file, " ".join(found.split()))
    except sqlite3.DatabaseError as error:
        # Others, as a journal that a killed database left to be played back, are its own matter.
        if error.sqlite_errorcode & 0xFF in CORRUPT:
            raise _corrupt(file, str(error)) from error
    finally:
        connection.close()


def _corrupt(file: Path, reason: str) -> Trouble:
    return Trouble(
        f"{file} is corrupt ({reason}); restore it from a backup (docs/running.md), "
        "or move it away to start with an empty database"
    )


def _unusable(path: Path, error: OSError) -> Trouble:
    return Trouble(
        f"{path} cannot be written ({error.strerror}); "
        "make it writable, or choose another folder with --data"
    )
