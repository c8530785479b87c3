"""A place for records on disk, so that memory does not grow with their number.

SQLite keeps a database without a name in a temporary file, which the operating system deletes with
the process. It sorts the records and finds repeated names and missing users.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from billet.transfer.records import Record, TaskRecord, TokenRecord, UserRecord
from chalicelib.domain.user import normalize_username

Key = int | str

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE user (key INTEGER PRIMARY KEY, name TEXT, line BLOB, done BOOLEAN DEFAULT FALSE);
CREATE INDEX names ON user (name);
CREATE TABLE task (key INTEGER PRIMARY KEY, line BLOB, done BOOLEAN DEFAULT FALSE);
CREATE TABLE token (key TEXT PRIMARY KEY, line BLOB, done BOOLEAN DEFAULT FALSE);
CREATE TABLE assignment (task INTEGER, user INTEGER, PRIMARY KEY (task, user)) WITHOUT ROWID;
CREATE INDEX tasks ON assignment (user);
"""
_TABLES: dict[type[Record], str] = {UserRecord: "user", TaskRecord: "task", TokenRecord: "token"}


class Staging:
    """Records by type and key, each as its line in the file. See `opened`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(_SCHEMA)
        database.execute("BEGIN")  # one transaction, which never ends: nobody else reads it

    def add(self, record: Record, line: bytes) -> bool:
        """Add a record, and return True; or return False if its key is there already."""
        values: dict[str, Any] = {"key": record.key, "line": line}
        if isinstance(record, UserRecord):
            values["name"] = normalize_username(record.username)
        added = self._database.execute(
            f"INSERT OR IGNORE INTO {_table(type(record))} ({', '.join(values)})"  # noqa: S608  # nosec B608
            f" VALUES ({', '.join('?' * len(values))})",
            list(values.values()),
        )
        if not added.rowcount:
            return False
        if isinstance(record, TaskRecord):
            pairs = ((record.id, user_id) for user_id in record.assignees)
            self._database.executemany("INSERT INTO assignment VALUES (?, ?)", pairs)
        return True

    def replace(self, record: Record, line: bytes) -> None:
        """Add a record, in place of the one with its key."""
        self.remove(type(record), record.key)
        self.add(record, line)

    def remove(self, kind: type[Record], key: Key) -> None:
        """Remove the record with this key, if there is one."""
        self._database.execute(f"DELETE FROM {_table(kind)} WHERE key = ?", (key,))  # noqa: S608  # nosec B608
        if kind is TaskRecord:
            self._database.execute("DELETE FROM assignment WHERE task = ?", (key,))

    def line(self, kind: type[Record], key: Key) -> bytes | None:
        """Return the line of the record with this key, or None."""
        found = self._database.execute(
            f"SELECT line FROM {_table(kind)} WHERE key = ?",  # noqa: S608  # nosec B608
            (key,),
        ).fetchone()
        return found[0] if found else None

    def mark_as_done(self, kind: type[Record], key: Key) -> None:
        """Leave a record out of `lines_to_do`."""
        self._database.execute(
            f"UPDATE {_table(kind)} SET done = TRUE WHERE key = ?",  # noqa: S608  # nosec B608
            (key,),
        )

    def lines(self, kind: type[Record]) -> Iterator[bytes]:
        """Yield the lines in the order of their keys."""
        return self._lines(kind, "TRUE")

    def lines_to_do(self, kind: type[Record]) -> Iterator[bytes]:
        """Yield the lines of records that are not done, in the order of their keys."""
        return self._lines(kind, "NOT done")

    def count(self, kind: type[Record]) -> int:
        """Return the number of records."""
        return self._number(f"SELECT count(*) FROM {_table(kind)}")  # noqa: S608  # nosec B608

    def count_to_do(self, kind: type[Record]) -> int:
        """Return the number of records that are not done."""
        return self._number(f"SELECT count(*) FROM {_table(kind)} WHERE NOT done")  # noqa: S608  # nosec B608

    def last_id(self, kind: type[Record]) -> int:
        """Return the highest id; 0 if there is none."""
        return self._number(f"SELECT coalesce(max(key), 0) FROM {_table(kind)}")  # noqa: S608  # nosec B608

    def task_count(self, user_id: int) -> int:
        """Return the number of tasks that are assigned to a user."""
        (count,) = self._database.execute(
            "SELECT count(*) FROM assignment WHERE user = ?", (user_id,)
        ).fetchone()
        return int(count)

    def missing_assignees(self) -> list[tuple[int, int]]:
        """Return the ids of the task and of the user for each assignee that has no record."""
        return self._database.execute(
            "SELECT task, user FROM assignment WHERE user NOT IN (SELECT key FROM user)"
        ).fetchall()

    def users_with_one_name(self) -> list[list[int]]:
        """Return the ids of the users that have the same username, for each such name."""
        groups = self._database.execute(
            "SELECT group_concat(key) FROM user GROUP BY name HAVING count(*) > 1"
        )
        return [sorted(map(int, keys.split(","))) for (keys,) in groups]

    def _lines(self, kind: type[Record], condition: str) -> Iterator[bytes]:
        rows = self._database.execute(
            f"SELECT line FROM {_table(kind)} WHERE {condition} ORDER BY key"  # noqa: S608  # nosec B608
        )
        return (line for (line,) in rows)

    def _number(self, query: str) -> int:
        number: int
        (number,) = self._database.execute(query).fetchone()
        return number


@contextmanager
def opened() -> Iterator[Staging]:
    """Yield an empty place for records, which goes at the end of the block."""
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        yield Staging(database)


def _table(kind: type[Record]) -> str:
    return _TABLES[kind]
