"""I2: every copy belongs to a task that names its user, whose assignment count is not 0."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lookup, shape, wire
from billet.integrity.assignees import copy_key, faults, is_needed, readable_task, task_key
from billet.integrity.deletes import delete_copy
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction
from billet.integrity.restoring import restorable
from billet.integrity.tasks import rewrite
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel


def check_copies(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield the confirmed faults of these copies."""
    tasks = lookup.fetch(TaskModel, map(task_key, page))
    users = lookup.fetch(UserModel, [{"id": copy["user_id"]} for copy in page])
    reported: set[str] = set()
    for copy in page:
        task = tasks.get(lookup.identity(TaskModel, task_key(copy)))
        user = users.get(lookup.identity(UserModel, {"id": copy["user_id"]}))
        if any(_of_copy(copy, task)) or _uncounted(user):
            for finding in settled(TaskModel, task_key(copy), partial(_judge, copy)):
                if finding.text not in reported:  # a user may have many copies
                    yield finding
                reported.add(finding.text)


def _judge(copy: Item, task: Item | None) -> Sequence[Finding]:
    now = lookup.get(AssignmentModel, copy_key(copy))
    if now is None:
        return []
    user = lookup.get(UserModel, {"id": copy["user_id"]})
    return [*_of_copy(now, task), *_of_count(now, task, user)]


def _of_copy(copy: Item, task: Item | None) -> Iterator[Finding]:
    record = readable_task(task)
    if task is not None and record is None:
        yield from _of_unreadable_task(copy, task)
    elif record is None or not is_needed(copy, record):
        detail = (
            f"user {wire.plain(copy['user_id'])} has a copy of a task that is not assigned to them"
        )
        repair = partial(delete_copy, copy, task)
        yield Finding("orphan-copy", AssignmentModel, copy_key(copy), detail, repair)


def _of_unreadable_task(copy: Item, task: Item) -> Iterator[Finding]:
    """Yield the repair of the task from its copy. Without one, check_tasks reports it."""
    found = faults(task)
    user_id = copy["user_id"]["N"]
    values = restorable(task, found, [int(user_id)] if user_id.isdecimal() else [])
    if values.keys() == found.keys():
        key, repair = lookup.key_of(TaskModel, task), partial(rewrite, task, values)
        yield Finding("unreadable", TaskModel, key, shape.describe(found), repair)
    elif why := shape.unreadable(AssignmentModel, copy):
        detail = f"{shape.describe(why)}; its task is unreadable too"
        yield Finding("unreadable", AssignmentModel, copy_key(copy), detail)


def _uncounted(user: Item | None) -> bool:
    return bool(user and "going" not in user and user.get("assigns", {}).get("N", "0") == "0")


def _of_count(copy: Item, task: Item | None, user: Item | None) -> Iterator[Finding]:
    record = readable_task(task)
    if user and record and is_needed(copy, record) and _uncounted(user):
        detail = "has tasks, but assigns does not count them"
        key, repair = lookup.key_of(UserModel, user), partial(_count, user)
        yield Finding("uncounted", UserModel, key, detail, repair)


def _count(user: Item) -> None:
    transaction = RawTransaction()
    same = wire.some(user, {"id", "going", "assigns"})
    transaction.update(UserModel, lookup.key_of(UserModel, user), {"assigns": wire.number(1)}, same)
    transaction.commit()
