"""Findings, and how a check confirms them while the tables are in use."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from pynamodb.models import Model

from billet.integrity import lookup, wire
from chalicelib.dynamodb import backoff
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import SUFFIXES

ATTEMPTS = 8
MAX_ROUNDS = 8
"""The number of times an item is checked again because part of it was repaired."""

KINDS: Mapping[str, str] = {
    "unreadable": "value restored",
    "invalid": "set to a valid value",
    "listed-unreadable": "removed from the indexes",
    "misplaced": "index keys set",
    "half-deleted": "delete finished",
    "not-going": "mark removed",
    "uncounted": "count set",
    "broken-feed": "feed revoked",
    "unreserved": "username reserved",
    "wrong-reservation": "username reserved for the user",
    "same-name": "",
    "orphan-reservation": "reservation removed",
    "missing-users": "missing users removed from the task",
    "too-many-assignees": "",
    "missing-copy": "copy written from the task",
    "wrong-copy": "copy rewritten from the task",
    "orphan-copy": "copy removed",
    "broken-token": "",
    "wrong-expiry": "time of removal set",
    "broken-reply": "reply removed",
    "layout": "number of lanes set",
    "stale-mark": "mark removed",
    "counters": "counters recreated above every id in use",
    "low-counter": "counters recreated above every id in use",
    "unsettled": "",
}
"""The kinds of findings, and what a repair did. docs/doctor.md explains them."""


class Finding:
    """A fault in the data, and its repair.

    Args:
        kind: one of KINDS.
        key: the key of the item, which may not exist.
        detail: what is wrong, in words.
        repair: repairs it; None if an operator has to decide. It raises ConditionFailed and
            changes nothing if the items have changed since they were read.
    """

    def __init__(
        self,
        kind: str,
        model: type[Model],
        key: Item,
        detail: str,
        repair: Callable[[], object] | None = None,
    ) -> None:
        self.kind = kind
        self.table = SUFFIXES[model]
        self.key = {name: wire.readable(value) for name, value in key.items()}
        self.detail = detail
        self.action = KINDS[kind]
        self.repaired = False
        self._repair = repair

    @property
    def repairable(self) -> bool:
        """Whether it can be repaired without an operator."""
        return self._repair is not None

    @property
    def text(self) -> str:
        """The finding in one line."""
        return f"{self.table} {json.dumps(self.key, ensure_ascii=False)}: {self.detail}"

    def repair(self) -> None:
        """Repair it.

        Raises:
            ConditionFailed: the items have changed since they were read.
        """
        if self._repair is not None:
            self._repair()
            self.repaired = True


def settled(
    model: type[Model], key: Item, judge: Callable[[Item | None], Sequence[Finding]]
) -> Iterator[Finding]:
    """Yield what `judge` finds in an item, and again after each repair until nothing is new."""
    reported: set[str] = set()
    for _ in range(MAX_ROUNDS):
        new = [one for one in confirmed(model, key, judge) if one.text not in reported]
        for finding in new:
            reported.add(finding.text)
            yield finding
        if not any(finding.repaired for finding in new):
            return


def confirmed(
    model: type[Model], key: Item, judge: Callable[[Item | None], Sequence[Finding]]
) -> Sequence[Finding]:
    """Return what `judge` finds in an item that is the same before and after.

    Every write to related items also changes this item, such as the version of a task. So what
    `judge` reads in between belongs to the same state.
    """
    for _ in backoff.attempts(ATTEMPTS):
        item = lookup.get(model, key)
        findings = judge(item)
        if not findings or _same(lookup.get(model, key), item):
            return findings
    return [Finding("unsettled", model, key, "changed at every attempt to check it")]


def _same(one: Item | None, other: Item | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and not wire.differing(one, other)
