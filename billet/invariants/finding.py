"""What a check finds, and how it makes sure of it while the tables are in use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pynamodb.models import Model

from billet.invariants import lookup
from chalicelib.errors import LostRace
from chalicelib.storage import backoff

M = TypeVar("M", bound=Model)
ATTEMPTS = 5


class Finding(NamedTuple):
    """Something broken, in one line that names the ids, and what mends it.

    `mend` is None where a person has to decide. It raises ConditionFailed, and changes nothing,
    where the items concerned have changed since.
    """

    text: str
    mend: Callable[[], object] | None


def confirmed(
    model: type[M], key: object, judge: Callable[[M | None], Sequence[Finding]]
) -> Sequence[Finding]:
    """What `judge` finds in an item that is the same before and after.

    Whatever changes along with an item changes the item too (a task its version), so what `judge`
    reads in between belongs to it.

    Raises:
        LostRace: the item changed at each of several attempts.
    """
    for _ in backoff.attempts(ATTEMPTS):
        item = lookup.get(model, key)
        found = judge(item)
        if not found or _values(lookup.get(model, key)) == _values(item):
            return found
    raise LostRace


def lacking(item: Model, names: Sequence[str]) -> Sequence[str]:
    """Which of these attributes the item does not have."""
    return [name for name in names if getattr(item, name) is None]


def differing(item: Model, values: Mapping[str, Any]) -> Sequence[str]:
    """Which attributes of the item have other values than these."""
    return [name for name, value in values.items() if getattr(item, name) != value]


def _values(item: Model | None) -> object:
    return item and item.attribute_values
