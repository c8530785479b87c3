"""Which of the tasks that an index returns belong in a list.

An index has exactly the tasks of the list, with two exceptions while servers of an earlier release
may run: see `index_keys.due_range`, and the key of the index of tasks without assignees, which
they do not change.
"""

from collections.abc import Callable

from chalicelib.dynamodb.codec import StoredTask
from chalicelib.services.pagination import Paging


def predicate(paging: Paging) -> Callable[[StoredTask], bool] | None:
    """Return the function that says which tasks belong in the list; None if all do."""
    dated = paging.by_due_date and paging.has_range

    def belongs(task: StoredTask) -> bool:
        if dated and task.expires_at is None:
            return False
        return not paging.unassigned or _is_unassigned(task, paging)

    return belongs if dated or paging.unassigned else None


def _is_unassigned(task: StoredTask, paging: Paging) -> bool:
    return not task.assignees and (not paging.statuses or task.status in paging.statuses)
