"""Find out which rows of a file are tasks already."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from billet.people.exchange import identity
from billet.people.exchange.identity import ReadyRow
from billet.people.exchange.ledger import Sent

if TYPE_CHECKING:
    from billet_client import Task


State = tuple[str, frozenset[int]]
"""The status and the assignees of a task."""


class Plan(msgspec.Struct, frozen=True):
    """What an import has to do."""

    rows: list[ReadyRow]
    """The tasks to create."""
    repeated: int
    """How many of them, from the first, are the batch that was sent and had no response."""
    key: str | None
    """The idempotency key of that batch."""
    there: int
    """How many rows are tasks already."""
    deleted: int
    """How many rows were imported and have been deleted since."""
    different: list[int] = []
    """The lines of rows that are tasks already, but with another status or other assignees."""


class Existing(msgspec.Struct, frozen=True):
    """The tasks that rows of the file may be."""

    imported: Mapping[bytes, set[int]]
    """The ids of the tasks that this machine has imported, by digest, also of deleted ones."""
    alive: set[int]
    """Those of them that still exist, whatever was changed in them."""
    equal: Mapping[bytes, set[int]]
    """The ids of the server's tasks that equal a row, by digest."""
    states: Mapping[bytes, list[State]] = {}
    """Their statuses and assignees."""

    with_status: Collection[int] = ()
    """The lines of the file that have a status."""

    def differ(self, ready: ReadyRow, digest: bytes, rows: int) -> bool:
        """Return whether each task that the row may be has another status or other assignees.

        Args:
            rows: how many have this digest. If fewer tasks have it, the others were renamed since.
        """
        row, states = ready.row, self.states.get(digest, [])
        return len(states) >= rows and not any(
            (row.line not in self.with_status or row.status == status)
            and (not ready.assignees or frozenset(ready.assignees) == assignees)
            for status, assignees in states
        )

    def known(self, digest: bytes) -> set[int]:
        """Return the ids of the tasks that rows with this digest are, or were."""
        return self.imported.get(digest, set()) | self.equal.get(digest, set())

    def gone(self, digest: bytes) -> set[int]:
        """Return the ids of those that were deleted."""
        return self.imported.get(digest, set()) - self.alive


def look_up(
    rows: Iterable[ReadyRow],
    imported: Mapping[bytes, set[int]],
    tasks: Iterable["Task"],
    with_status: Collection[int] = (),
) -> Existing:
    """Compare the rows with all tasks of the server.

    Args:
        with_status: the lines of the file that say a status.
    """
    wanted = {identity.digest_of(row.row) for row in rows}
    mine = {digest: ids for digest, ids in imported.items() if digest in wanted}
    ids = set().union(*mine.values())
    alive: set[int] = set()
    equal: dict[bytes, set[int]] = defaultdict(set)
    states: dict[bytes, list[State]] = defaultdict(list)
    for task in tasks:
        if task.id in ids:
            alive.add(task.id)
        digest = identity.digest(task.name, task.desc, task.expires_at)
        if digest in wanted:
            equal[digest].add(task.id)
            states[digest].append((task.status, frozenset(task.assignees)))
    return Existing(mine, alive, equal, states, with_status)


def make(rows: Sequence[ReadyRow], existing: Existing, sent: Sent | None, *, again: bool) -> Plan:
    """Return what to do for the rows. Each task that exists stands for one of several equal rows.

    Args:
        sent: the batch that had no response, which is repeated if it is still what the file has.
        again: create the tasks that were imported and have been deleted, too.
    """
    repeated = _repeated(rows, existing, sent)
    chosen = set(map(id, repeated))
    sent_rows = Counter(identity.digest_of(row.row) for row in repeated)
    left = _to_skip(rows, existing, sent_rows, again=again)
    gone = {digest: 0 if again else len(existing.gone(digest)) for digest in left}
    new, there, deleted = list(repeated), 0, 0
    different: list[int] = []
    equal_rows = Counter(identity.digest_of(row.row) for row in rows)
    for row in rows:
        digest = identity.digest_of(row.row)
        if id(row) in chosen:
            continue
        if left[digest] <= 0:
            new.append(row)
            continue
        left[digest] -= 1
        if left[digest] < gone[digest]:
            deleted += 1
        else:
            there += 1
            if existing.differ(row, digest, equal_rows[digest]):
                different.append(row.row.line)
    key = sent.key if sent and repeated else None
    return Plan(new, len(repeated), key, there, deleted, different)


def _to_skip(
    rows: Sequence[ReadyRow], existing: Existing, sent_rows: Counter[bytes], *, again: bool
) -> dict[bytes, int]:
    """Return how many rows of each digest are tasks, without those of the batch that was sent.

    If that batch has created its tasks, they are among the equal ones, but not among the imported.
    """
    skip: dict[bytes, int] = {}
    for digest in {identity.digest_of(row.row) for row in rows}:
        gone = existing.gone(digest) if again else set()
        known = len(existing.known(digest) - gone)
        mine = len(existing.imported.get(digest, set()) - gone)
        skip[digest] = max(known - sent_rows[digest], mine)
    return skip


def _repeated(rows: Sequence[ReadyRow], existing: Existing, sent: Sent | None) -> list[ReadyRow]:
    """Return the rows of the batch that was sent, if all of them are still as they were."""
    if sent is None:
        return []
    by_digest: dict[bytes, list[ReadyRow]] = defaultdict(list)
    for row in rows:
        by_digest[identity.digest_of(row.row)].append(row)
    for digest, ids in existing.imported.items():
        del by_digest[digest][: len(ids)]  # those came before it
    found = []
    for digest in sent.digests:
        candidates = by_digest.get(digest, [])
        if not candidates:
            return []
        found.append(candidates.pop(0))
    return found if identity.body_digest(found) == sent.body else []
