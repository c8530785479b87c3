"""What must hold of the data at every moment, checked over the tables."""

from collections.abc import Callable, Iterator, Sequence

from pynamodb.models import Model

from billet.integrity import lookup
from billet.integrity.copies import check_copies
from billet.integrity.counters import Counters
from billet.integrity.entries import check_replies, check_tokens
from billet.integrity.finding import Finding
from billet.integrity.lane_count import check_layout
from billet.integrity.tasks import check_tasks
from billet.integrity.usernames import check_claims
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
    UsernameModel: check_claims,
    AssignmentModel: check_copies,
    TaskModel: check_tasks,
    TokenModel: check_tokens,
    IdempotencyModel: check_replies,
}
"""In this order: a delete is finished before its copies are judged, and a task is restored from a
copy before it is judged itself. The counters come last, because they rest on all ids seen."""


def findings(progress: Callable[[int], object] = lambda scanned: None) -> Iterator[Finding]:
    """Reads all tables, and yields what is broken, each confirmed by a second reading.

    A finding may be mended as soon as it is yielded.

    Args:
        progress: is told how many items have just been checked.

    Raises:
        Unavailable: the database does not respond.
    """
    yield from check_layout()
    counters = {UserModel: Counters("users"), TaskModel: Counters("tasks")}
    for model, check in CHECKS.items():
        for page in lookup.items(model):
            if model in counters:
                counters[model].see(page)
            yield from check(page)
            progress(len(page))
    for counter in counters.values():
        yield from counter.check()
