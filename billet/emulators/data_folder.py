"""The folder with the files of DynamoDB Local: create it, check it, write to it."""

import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import IO

from billet.emulators.errors import DataFolderError

DATABASE_FILES = "*.db"
MIN_FREE_BYTES = 16 * 2**20
"""DynamoDB Local writes a log beside the database before each change."""
READ_SCHEMA = "SELECT count(*) FROM sqlite_master"
"""Takes the same time for a file of any size."""
READ_ALL = "PRAGMA quick_check(1)"
CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def has_data(folder: Path) -> bool:
    """Return whether the folder has a database file."""
    return any(folder.glob(DATABASE_FILES))


def create(folder: Path) -> None:
    """Create the folder if it does not exist.

    Raises:
        DataFolderError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from error


def open_for_writing(folder: Path, name: str) -> IO[bytes]:
    """Open a file in the folder.

    Raises:
        DataFolderError: it cannot be written.
    """
    try:
        return (folder / name).open("wb")
    except OSError as error:
        raise _not_writable(folder / name, error) from error


def check(folder: Path, *, read_all: bool = False) -> None:
    """Check the disk space and the database files.

    Args:
        read_all: read every page of the files, which takes seconds per gigabyte.

    Raises:
        DataFolderError: the disk is full, or a file is corrupt or cannot be written.
    """
    if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        raise DataFolderError(
            f"{folder}: the disk is full (less than {MIN_FREE_BYTES // 2**20} MB free); "
            "free some space, or choose another folder with --data"
        )
    for file in folder.glob(DATABASE_FILES):
        if not os.access(file, os.W_OK):
            raise _not_writable(file, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        _check_file(file, READ_ALL if read_all else READ_SCHEMA)


def _check_file(file: Path, query: str) -> None:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        [found] = connection.execute(query).fetchone()
        if query == READ_ALL and found != "ok":
            raise _corrupt(file, " ".join(found.split()))
    except sqlite3.DatabaseError as error:
        # DynamoDB Local repairs other faults itself, such as the journal of a killed database.
        if error.sqlite_errorcode & 0xFF in CORRUPT:
            raise _corrupt(file, str(error)) from error
    finally:
        connection.close()


def _corrupt(file: Path, reason: str) -> DataFolderError:
    return DataFolderError(
        f"{file} is corrupt ({reason}); restore it from a backup (docs/running.md), "
        "or move it away to start with an empty database"
    )


def _not_writable(path: Path, error: OSError) -> DataFolderError:
    return DataFolderError(
        f"{path} cannot be written ({error.strerror}); "
        "make it writable, or choose another folder with --data"
    )
