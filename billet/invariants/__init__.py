"""What must hold of the data at every moment, checked over the tables."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pynamodb.models import Model

from billet.invariants import lookup
from billet.invariants.counters import Counters
from billet.invariants.finding import Finding
from billet.invariants.tasks import check_copies, check_tasks
from billet.invariants.users import check_claims, check_users
from chalicelib.storage.tables import AssignmentModel, TaskModel, UserModel, UsernameModel

CHECKS: dict[type[Model], Callable[[Sequence[Any]], Iterator[Finding]]] = {
    UserModel: check_users,
    UsernameModel: check_claims,
    TaskModel: check_tasks,
    AssignmentModel: check_copies,
}
"""In this order, each mend leaves to the later checks only what is theirs."""


def findings(progress: Callable[[int], object] = lambda scanned: None) -> Iterator[Finding]:
    """Reads all tables, and yields what is broken, each confirmed by a second reading.

    A finding may be mended as soon as it is yielded.

    Args:
        progress: is told how many items have just been checked.

    Raises:
        LostRace: an item changed so often that nothing could be said of it.
        Unavailable: the database can't answer.
    """
    counters = {UserModel: Counters("users"), TaskModel: Counters("tasks")}
    for model, check in CHECKS.items():
        for page in lookup.scan(model):
            if model in counters:
                counters[model].see(page)
            yield from check(page)
            progress(len(page))
    for counter in counters.values():
        yield from counter.check()
