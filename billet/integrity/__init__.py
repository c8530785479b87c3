"""The checks and repairs of `billet doctor`.

They verify the invariants I1 to I4 of docs/architecture.md on all items while the API runs. They
read items in DynamoDB's form, because a model raises on a broken one. So attributes have their
names in the tables: `recency` is the created key, `urgency` the due key, `going` marks a user that
is being deleted, `assigns` is the assignment count.
"""

from collections.abc import Callable, Iterator, Sequence

from pynamodb.models import Model

from billet.integrity import lookup
from billet.integrity.copies import check_copies
from billet.integrity.counters import Counters
from billet.integrity.finding import Finding
from billet.integrity.lane_count import check_lane_count
from billet.integrity.tasks import check_tasks
from billet.integrity.tokens_and_replies import check_replies, check_tokens
from billet.integrity.usernames import check_reservations
from billet.integrity.users import check_users
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import (
    AssignmentModel,
    IdempotencyModel,
    TaskModel,
    TokenModel,
    UserModel,
    UsernameModel,
)

CHECKS: dict[type[Model], Callable[[Sequence[Item]], Iterator[Finding]]] = {
    UserModel: check_users,
    UsernameModel: check_reservations,
    AssignmentModel: check_copies,
    TaskModel: check_tasks,
    TokenModel: check_tokens,
    IdempotencyModel: check_replies,
}
"""The checks in their order. A delete is finished before its copies are checked, and a task is
restored from a copy before it is checked itself. Counters come last, because they need all ids."""


def findings(progress: Callable[[int], object] = lambda scanned: None) -> Iterator[Finding]:
    """Read all tables and yield what is broken, each confirmed by a second read.

    The caller may repair a finding as soon as it is yielded.

    Args:
        progress: called with the number of items that have just been checked.

    Raises:
        Unavailable: the database does not respond.
    """
    yield from check_lane_count()
    counters = {UserModel: Counters("users"), TaskModel: Counters("tasks")}
    for model, check in CHECKS.items():
        for page in lookup.items(model):
            if model in counters:
                counters[model].see(page)
            yield from check(page)
            progress(len(page))
    for counter in counters.values():
        yield from counter.check()
