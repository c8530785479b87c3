"""I2: every copy belongs to a task that names its user, whose assignment count is not 0."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lookup, shape, wire
from billet.integrity.assignees import faults, is_needed, readable_task, task_key
from billet.integrity.deletes import delete_copy
from billet.integrity.finding import Finding, settled
from billet.integrity.restoring import restorable_task_values
from billet.integrity.tasks import set_task_attributes
from billet.integrity.users import set_user_attributes
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import AssignmentModel, TaskModel, UserModel


def check_copies(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield the confirmed faults of these copies."""
    tasks = lookup.fetch(TaskModel, map(task_key, page))
    users = lookup.fetch(UserModel, [{"id": copy["user_id"]} for copy in page])
    reported: set[str] = set()
    for copy in page:
        task_item = tasks.get(lookup.identity(TaskModel, task_key(copy)))
        user = users.get(lookup.identity(UserModel, {"id": copy["user_id"]}))
        if any(_of_copy(copy, task_item)) or _uncounted(user):
            for finding in settled(TaskModel, task_key(copy), partial(_judge, copy)):
                if finding.text not in reported:  # a user may have many copies
                    yield finding
                reported.add(finding.text)


def _judge(copy: Item, task_item: Item | None) -> Sequence[Finding]:
    now = lookup.get(AssignmentModel, lookup.key_of(AssignmentModel, copy))
    if now is None:
        return []
    user = lookup.get(UserModel, {"id": copy["user_id"]})
    return [*_of_copy(now, task_item), *_of_count(now, task_item, user)]


def _of_copy(copy: Item, task_item: Item | None) -> Iterator[Finding]:
    task = readable_task(task_item)
    if task_item is not None and task is None:
        yield from _of_unreadable_task(copy, task_item)
    elif task is None or not is_needed(copy, task):
        user = wire.readable(copy["user_id"])
        detail = f"user {user} has a copy of a task that is not assigned to them"
        repair = partial(delete_copy, copy, task_item)
        yield Finding(
            "orphan-copy", AssignmentModel, lookup.key_of(AssignmentModel, copy), detail, repair
        )


def _of_unreadable_task(copy: Item, task_item: Item) -> Iterator[Finding]:
    """Yield the repair of the task from its copy. Without one, check_tasks reports it."""
    found = faults(task_item)
    user_id = copy["user_id"]["N"]
    values = restorable_task_values(task_item, found, [int(user_id)] if user_id.isdecimal() else [])
    if values.keys() == found.keys():
        key, repair = (
            lookup.key_of(TaskModel, task_item),
            partial(set_task_attributes, task_item, values),
        )
        yield Finding("unreadable", TaskModel, key, shape.describe(found), repair)
    elif why := shape.unreadable(AssignmentModel, copy):
        detail = f"{shape.describe(why)}; its task can't be read either"
        yield Finding("unreadable", AssignmentModel, lookup.key_of(AssignmentModel, copy), detail)


def _uncounted(user: Item | None) -> bool:
    return bool(user and "going" not in user and user.get("assigns", {}).get("N", "0") == "0")


def _of_count(copy: Item, task_item: Item | None, user: Item | None) -> Iterator[Finding]:
    task = readable_task(task_item)
    if user and task and is_needed(copy, task) and _uncounted(user):
        detail = "has tasks, but assigns does not count them"
        key, repair = (
            lookup.key_of(UserModel, user),
            partial(set_user_attributes, user, {"assigns": wire.number(1)}),
        )
        yield Finding("uncounted", UserModel, key, detail, repair)
