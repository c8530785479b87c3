"""What was imported into a server from this machine.

A small SQLite database for each server, in the platform's folder for state. It has the ids of the
tasks that an import created, by digest, and the batch that was sent last until its response has
come. It is locked as long as an import runs.
"""

import hashlib
import sqlite3
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import click
import msgspec
import platformdirs

KEY_SECONDS = 23 * 3600
"""How long a batch can be repeated with its key. The API keeps keys for 24 hours."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS imported (digest BLOB, task INTEGER, PRIMARY KEY (digest, task))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY, at INTEGER, digests BLOB, body BLOB);
"""


class Sent(msgspec.Struct, frozen=True):
    """A batch that was sent, and whose response has not come."""

    key: str
    digests: tuple[bytes, ...]
    """Those of its tasks, in order."""
    body: bytes
    """The digest of its body."""


class Ledger:
    """See `opened`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def imported(self) -> dict[bytes, set[int]]:
        """Return the ids of the tasks that were imported, by digest."""
        found: dict[bytes, set[int]] = defaultdict(set)
        for digest, task in self._database.execute("SELECT digest, task FROM imported"):
            found[digest].add(task)
        return found

    def sent(self) -> Sent | None:
        """Return the batch without a response, if it can still be repeated with its key."""
        row = self._database.execute(
            "SELECT key, digests, body FROM sent WHERE at > ?", (time.time() - KEY_SECONDS,)
        ).fetchone()
        if row is None:
            return None
        return Sent(row[0], msgspec.msgpack.decode(row[1], type=tuple[bytes, ...]), row[2])

    def send(self, digests: Sequence[bytes], body: bytes) -> str:
        """Note that a batch is about to be sent, and return its idempotency key."""
        key = str(uuid.uuid4())
        with self._database:
            self._database.execute("DELETE FROM sent")
            self._database.execute(
                "INSERT INTO sent VALUES (?, ?, ?, ?)",
                (key, int(time.time()), msgspec.msgpack.encode(list(digests)), body),
            )
        return key

    def done(self, digests: Sequence[bytes], tasks: Sequence[int]) -> None:
        """Note which tasks the batch has created."""
        with self._database:
            self._database.execute("DELETE FROM sent")
            self._database.executemany(
                "INSERT OR IGNORE INTO imported VALUES (?, ?)", zip(digests, tasks, strict=True)
            )

    def refused(self) -> None:
        """Note that the batch has created nothing."""
        with self._database:
            self._database.execute("DELETE FROM sent")


@contextmanager
def opened(server: str, *, write: bool) -> Iterator[Ledger]:
    """Yield the ledger of a server.

    Args:
        write: lock it. Otherwise it is only read, and not made.

    Raises:
        click.ClickException: another import uses it, or it can't be read or written.
    """
    path = path_of(server)
    try:
        with closing(_connect(path, write)) as database:
            if write:
                database.execute("PRAGMA locking_mode = EXCLUSIVE")
                database.execute("BEGIN EXCLUSIVE")  # the lock stays until the database is closed
                database.commit()
            if write or not path.exists():
                database.executescript(_SCHEMA)
            yield Ledger(database)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise click.ClickException(
                f"another import into {server} is in progress; wait until it ends"
            ) from error
        raise click.ClickException(f"{path} cannot be written ({error})") from error
    except (sqlite3.DatabaseError, OSError) as error:
        raise click.ClickException(f"{path} cannot be read ({error})") from error


def path_of(server: str) -> Path:
    """Return the path of a server's ledger."""
    name = hashlib.sha256(server.encode()).hexdigest()[:16]
    folder = platformdirs.user_state_path("billet", appauthor=False)
    return folder / "imports" / f"{name}.sqlite"


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    if write:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return sqlite3.connect(path, timeout=0)
    if path.exists():
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0)
    return sqlite3.connect(":memory:")
