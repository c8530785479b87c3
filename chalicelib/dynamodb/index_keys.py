"""The key attributes of the indexes: their formats, and which model has which.

Sort keys end in the id, zero-padded to the 16 digits of 2^53-1, so that they are unique and sort
as strings.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from pynamodb.models import Model

from chalicelib.dynamodb import shared_state
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, TokenModel, UserModel

NEVER = "9999-12-31"
"""The date in the sort key of a task without a due date. A task that is due on that day has
_LAST_DAY in its place."""
_LAST_DAY = "9999-12-30~"
"""Sorts after all of 9999-12-30, because "~" comes after "#", and before NEVER."""
_LAST_DAY_MIGRATION = 3
"""The migration whose contract brings _LAST_DAY into use. The first release has NEVER in its place,
and its lists skip tasks with another key. So both releases write NEVER as long as servers of the
first one may run."""


def created_key(created_at: str, ident: int) -> str:
    """Return a key that sorts by creation. `created_at` is UTC in ISO 8601 with microseconds."""
    return f"{created_at}#{ident:016d}"


def due_key(expires_at: str | None, ident: int) -> str:
    """Return a key that sorts by due date (YYYY-MM-DD), with None last."""
    day = expires_at or NEVER
    if expires_at == NEVER and shared_state.contracted() >= _LAST_DAY_MIGRATION:
        day = _LAST_DAY
    return f"{day}#{ident:016d}"


def status_lane(status: str, lane: int) -> str:
    """Return the hash key of the indexes of one status."""
    return f"{status}#{lane}"


def unassigned_lane(status: str, lane: int, assignees: Collection[int]) -> str | None:
    """Return the hash key of the index of tasks without assignees; None for any other task."""
    return None if assignees else status_lane(status, lane)


def status_key(status: str, key: str) -> str:
    """Return a key that sorts by status first, then by another sort key."""
    return f"{status}#{key}"


def status_created_key(status: str, created_at: str, ident: int) -> str:
    """Return a key that sorts by status, then by creation."""
    return status_key(status, created_key(created_at, ident))


def status_due_key(status: str, expires_at: str | None, ident: int) -> str:
    """Return a key that sorts by status, then by due date."""
    return status_key(status, due_key(expires_at, ident))


class KeyRange(NamedTuple):
    """The sort keys from `first` to `last`. An empty `last` is after all keys.

    A key ends in a digit. "!" sorts before all characters of a key, and "~" after them.
    """

    first: str = ""
    last: str = ""

    def beyond(self, after: str | None, ascending: bool) -> "KeyRange":
        """Return the part that comes after the key `after` in the order of the list."""
        if after is None:
            return self
        if ascending:
            return KeyRange(max(self.first, f"{after}!"), self.last)
        before = f"{after[:-1]}{chr(ord(after[-1]) - 1)}~"
        return KeyRange(self.first, min(self.last or before, before))

    def of_status(self, status: str) -> "KeyRange":
        """Return the range of each `status_key` of this status with a key of this range."""
        return KeyRange(status_key(status, self.first), status_key(status, self.last or "~"))

    @property
    def empty(self) -> bool:
        """Whether no key is in it."""
        return bool(self.last) and self.first > self.last


def created_range(first_day: date | None, last_day: date | None) -> KeyRange:
    """Return the range of each `created_key` from one day to another, both inclusive."""
    return KeyRange(f"{first_day}T" if first_day else "", f"{last_day}T~" if last_day else "")


def due_range(first_day: date | None, last_day: date | None) -> KeyRange:
    """Return the range of each `due_key` from one day to another, both inclusive.

    It has no tasks without a due date. There is an exception: as long as servers of the first
    release may run, such a task may have the same key as one that is due on the last day.
    """
    first, last = str(first_day or ""), str(last_day or NEVER)
    if last == NEVER and shared_state.contracted() >= _LAST_DAY_MIGRATION:
        last = _LAST_DAY
    if first == NEVER:
        first = _LAST_DAY  # comes first, and the release before may have written either
    return KeyRange(f"{first}#" if first else "", f"{last}#~")


class IndexKey(NamedTuple):
    """A key attribute of an index, made from other attributes."""

    inputs: tuple[str, ...]
    make: Callable[..., str | None]
    """Returns None if the item is not in the index."""


_CREATED_KEY = IndexKey(("created_at", "id"), created_key)
_DUE_KEY = IndexKey(("expires_at", "id"), due_key)
INDEX_KEYS: Mapping[type[Model], Mapping[str, IndexKey]] = {
    UserModel: {"created_key": _CREATED_KEY},
    TaskModel: {
        "created_key": _CREATED_KEY,
        "due_key": _DUE_KEY,
        "status_lane": IndexKey(("status", "lane"), status_lane),
        "unassigned_lane": IndexKey(("status", "lane", "assignees"), unassigned_lane),
    },
    AssignmentModel: {
        "created_key": _CREATED_KEY,
        "due_key": _DUE_KEY,
        "status_created_key": IndexKey(("status", *_CREATED_KEY.inputs), status_created_key),
        "status_due_key": IndexKey(("status", *_DUE_KEY.inputs), status_due_key),
    },
    TokenModel: {},
}


def index_keys(model: type[Model], values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return those key attributes of the model's indexes whose inputs are all among `values`."""
    return {
        name: key.make(*(values[field] for field in key.inputs))
        for name, key in INDEX_KEYS[model].items()
        if values.keys() >= set(key.inputs)
    }
