"""Collect all users and tasks, and write them to a file.

Each item is read once, at a moment of its own. If the API runs, its writes fall between these
moments, so a task can have an assignee whose user was read too early or too late. Such tasks and
users are read again, until all that is collected fits together.
"""

from collections.abc import Callable, Collection, Sequence

import click
from pynamodb.models import Model

from billet.integrity import lookup
from billet.transfer import files, parallel, records, stored
from billet.transfer.records import End, Header, TaskRecord, TokenRecord, UserRecord
from billet.transfer.staging import Staging
from chalicelib.domain.user import User
from chalicelib.dynamodb import stored_counters
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import TaskModel, TokenModel, UserModel

MAX_PASSES = 10
"""How often what does not fit together is read again."""


def collect(staging: Staging, with_tokens: bool, progress: Callable[[int], object]) -> End:
    """Read the database into `staging`, and return the last line of the file.

    Args:
        progress: called with the number of items that have just been read.

    Raises:
        click.ClickException: an item is broken, or an import would refuse it.
    """
    collection = _Collection(staging)
    # A user is written before their tasks, and removed after them.
    for model in (UserModel, TaskModel, *([TokenModel] if with_tokens else [])):
        for page in parallel.pages(model):
            collection.add(model, page)
            progress(len(page))
    for _ in range(MAX_PASSES):
        if not collection.read_again():
            break
    else:
        raise click.ClickException(collection.conflict())
    return End(
        users=staging.count(UserRecord),
        tasks=staging.count(TaskRecord),
        tokens=staging.count(TokenRecord),
        last_user_id=_last_id("users", staging.last_id(UserRecord)),
        last_task_id=_last_id("tasks", staging.last_id(TaskRecord)),
    )


def write(file: files.Output, staging: Staging, end: End) -> None:
    """Write the file."""
    file.write(records.encode(Header()) + b"\n")
    for kind in stored.RECORDS.values():
        file.writelines(line + b"\n" for line in staging.lines(kind))
    file.write(records.encode(end) + b"\n")


class _Collection:
    """What was read. `deleting` are the users that are being deleted."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._deleting: set[int] = set()

    def add(self, model: type[Model], items: Sequence[Item]) -> None:
        """Add what these items hold, in place of what they held before."""
        for item in items:
            entity = stored.entity(model, item)
            if isinstance(entity, User) and entity.deleting:
                self._deleting.add(entity.id)
                self._staging.remove(UserRecord, entity.id)
                continue
            record = stored.record(entity, self._deleting)
            self._staging.replace(record, records.encode(record))

    def read_again(self) -> bool:
        """Read what does not fit together again. Return False if there is nothing."""
        missing = self._staging.missing_assignees()
        rivals = [ident for group in self._staging.users_with_one_name() for ident in group]
        self._refresh(UserModel, {user_id for _, user_id in missing} | set(rivals))
        self._refresh(TaskModel, {task_id for task_id, _ in missing})
        return bool(missing or rivals)

    def conflict(self) -> str:
        """Return what does not fit together although it was read often."""
        for task_id, user_id in self._staging.missing_assignees():
            return (
                f"task {task_id}: has the assignee {user_id}, who does not exist; "
                "run `billet doctor --repair` first"
            )
        for idents in self._staging.users_with_one_name():
            return (
                f"users {', '.join(map(str, idents))}: have the same username; run `billet doctor`"
            )
        return "the data changes too fast; export at a quieter time"

    def _refresh(self, model: type[Model], idents: Collection[int]) -> None:
        found = lookup.fetch(model, ({"id": {"N": str(ident)}} for ident in sorted(idents)))
        gone = set(idents) - {int(key) for (key,) in found}
        for ident in gone:
            self._staging.remove(stored.RECORDS[model], ident)
        self.add(model, list(found.values()))


def _last_id(kind: str, highest: int) -> int:
    """Return the highest id that was allocated."""
    return max([highest, *(int(one.last or 0) for one in stored_counters.read(kind))])
