"""Which tasks count as the same, and what is sent for a row."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from billet.people.exchange.checking import Row

MAX_OPERATIONS = 50
"""The most operations in a batch."""
MAX_ITEMS = 99
"""The most items in its transaction, without the one for its idempotency key. A task takes one,
and two more for each assignee."""
MAX_BYTES = 100 * 1024
"""The largest sum of a batch's tasks as JSON. The API stores the response as one item of at most
400 KB, where a character can take three times the bytes that it takes here."""
MAX_ASSIGNEES = (MAX_ITEMS - 1) // 2 - 1
"""The most assignees with which a task can be created."""


class ReadyRow(msgspec.Struct, frozen=True):
    """A row with the ids of its assignees."""

    row: Row
    assignees: tuple[int, ...]

    @property
    def body(self) -> dict[str, Any]:
        """What is sent: the fields of a new task."""
        row = self.row
        return {
            "name": row.name,
            "desc": row.desc,
            "status": row.status,
            "expires_at": row.expires_at,
            "assignees": list(self.assignees),
        }


def digest(name: str, desc: str, expires_at: object) -> bytes:
    """Return what equal tasks have in common: name, description and due date."""
    day = str(expires_at) if expires_at else None
    return _hash([name, desc, day])


def digest_of(row: Row) -> bytes:
    """Return the digest of a row's task."""
    return digest(row.name, row.desc, row.expires_at)


def body_digest(rows: Sequence[ReadyRow]) -> bytes:
    """Return the digest of all that is sent for the rows."""
    return _hash([row.body for row in rows])


def chunks(rows: Iterable[ReadyRow]) -> Iterator[list[ReadyRow]]:
    """Yield the rows in as few batches as the API's limits allow."""
    chunk: list[ReadyRow] = []
    items = size = 0
    for row in rows:
        more_items, more_bytes = 1 + 2 * len(row.assignees), len(msgspec.json.encode(row.body))
        full = items + more_items > MAX_ITEMS or size + more_bytes > MAX_BYTES
        if chunk and (full or len(chunk) == MAX_OPERATIONS):
            yield chunk
            chunk, items, size = [], 0, 0
        chunk.append(row)
        items += more_items
        size += more_bytes
    if chunk:
        yield chunk


def _hash(value: object) -> bytes:
    return hashlib.sha256(msgspec.json.encode(value)).digest()[:16]
