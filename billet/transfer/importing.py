"""Check a file, compare it with the database, and write what the database lacks.

Nothing is written before the whole file is checked. The functions of the API make the items, the
copies of tasks and the reservations of usernames, in transactions, so the data is consistent at
every moment, and an import that was stopped can be run again. A user is created with the count of
all their assignments. To count each assignment in the transaction of its task, as the API does,
would let the transactions that run at the same time fail on the same users.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, NoReturn

import click
import msgspec
from pynamodb.models import Model

from billet.integrity import lookup
from billet.transfer import parallel, records, stored
from billet.transfer.records import (
    FORMAT,
    SCHEMA,
    End,
    Header,
    R,
    Record,
    TaskRecord,
    TokenRecord,
    UserRecord,
)
from billet.transfer.staging import Staging
from chalicelib.domain.errors import Invalid
from chalicelib.domain.token import Token
from chalicelib.domain.user import User
from chalicelib.dynamodb import counters, queries, task_writes, token_writes, user_writes
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.models import TaskModel, UserModel
from chalicelib.dynamodb.transaction import MAX_OPERATIONS, Transaction

_EMPTY = "import into an empty database"
TASK_IMPORT = "to import tasks from CSV, Todoist, Trello or iCalendar, use `billet task import`"
USERS_AT_ONCE = MAX_OPERATIONS // 2
"""Each user takes two operations: the user and the reservation of the username."""
MAX_BYTES = 1_000_000
"""The size of a transaction's tasks and copies; DynamoDB's limit is 4 MB."""


class _Batch(NamedTuple):
    """Tasks for one transaction."""

    tasks: list[TaskRecord]
    operations: int = 0
    """One for each task and each copy."""
    size: int = 0
    """The size of the tasks and copies in bytes."""

    def fits(self, task: TaskRecord, size: int) -> bool:
        operations = self.operations + 1 + len(task.assignees)
        return operations <= MAX_OPERATIONS and self.size + size <= MAX_BYTES

    def with_task(self, task: TaskRecord, size: int) -> "_Batch":
        operations = self.operations + 1 + len(task.assignees)
        return _Batch([*self.tasks, task], operations, self.size + size)


def check(name: str, lines: Iterable[bytes], staging: Staging) -> End:
    """Read a file into `staging`, and return its last line.

    Raises:
        click.ClickException: a line is wrong, or the records do not fit together.
    """
    end = None
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            if end is not None:
                raise Invalid("comes after the line with the counts")
            end = _take(number, line, staging)
        except Invalid as error:
            hint = f"; {TASK_IMPORT}" if number == 1 and b'"header"' not in line else ""
            raise click.ClickException(f"{name}, line {number}: {error}{hint}") from error
    if not number:
        raise click.ClickException(f"{name}: is empty")
    if end is None:
        raise click.ClickException(f"{name}: is cut off; its last line must have the counts")
    try:
        _check_whole(staging, end)
    except Invalid as error:
        raise click.ClickException(f"{name}: {error}") from error
    return end


def compare(
    staging: Staging, models: Iterable[type[Model]], progress: Callable[[int], object]
) -> None:
    """Mark the records that the database has already as done.

    Args:
        models: the tables to compare. The database may have more tokens than the file.

    Raises:
        click.ClickException: the database has other users or tasks, or a record with other values.
    """
    for model in models:
        for page in parallel.pages(model):
            for item in page:
                _compare(staging, stored.entity(model, item))
            progress(len(page))


def write(staging: Staging, end: End, with_tokens: bool) -> Iterator[int]:
    """Write all that is not done. Yields the numbers of records that have just been written.

    Raises:
        click.ClickException: another client writes to the database.
    """
    for kind, last in (("users", end.last_user_id), ("tasks", end.last_task_id)):
        if last:  # first, so that an API that runs does not allocate the ids of the file
            parallel.patiently(partial(counters.set_up, kind, above=last))
    yield from parallel.run(_user_jobs(staging))
    yield from parallel.run(_task_jobs(staging))
    if with_tokens:
        yield from parallel.run(_token_jobs(staging))


def _take(number: int, line: bytes, staging: Staging) -> End | None:
    """Add the record of a line, or return the last line."""
    found = records.decode(line)
    if isinstance(found, Header) != (number == 1):
        raise Invalid("must be a record" if number > 1 else "must be the header of an export")
    if isinstance(found, Header):
        _require_known(found)
    elif isinstance(found, End):
        return found
    elif not staging.add(found, records.encode(found)):
        raise Invalid(f"{records.label(found)} is in the file twice")
    return None


def _require_known(header: Header) -> None:
    if header.format != FORMAT:
        raise Invalid(f"format: must be {FORMAT}, the only one that this release reads")
    if header.schema > SCHEMA:
        raise Invalid(f"schema: must be at most {SCHEMA}; a newer release made the file")


def _check_whole(staging: Staging, end: End) -> None:
    """Check the records together: counts, ids, usernames, assignees."""
    for kind, name in ((UserRecord, "users"), (TaskRecord, "tasks"), (TokenRecord, "tokens")):
        found, expected = staging.count(kind), getattr(end, name)
        if found != expected:
            raise Invalid(f"{name}: the last line says {expected}, the file has {found}")
    for kind, name in ((UserRecord, "last_user_id"), (TaskRecord, "last_task_id")):
        if staging.last_id(kind) > getattr(end, name):
            raise Invalid(f"{name}: must be at least {staging.last_id(kind)}, the highest id")
    for idents in staging.users_with_one_name():
        raise Invalid(f"users {', '.join(map(str, idents))} have the same username")
    for task_id, user_id in staging.missing_assignees():
        raise Invalid(f"task {task_id}: the assignee {user_id} is not in the file")


def _compare(staging: Staging, entity: User | StoredTask | Token) -> None:
    found = stored.record(entity)
    line = staging.line(type(found), found.key)
    if line is None and isinstance(found, TokenRecord):
        return
    if line is None:
        raise click.ClickException(
            f"the database has {records.label(found)}, which is not in the file; {_EMPTY}"
        )
    if isinstance(entity, User):
        _compare_state(staging, entity)
    if differing := records.differing(_record(type(found), line), found):
        _differs(found, differing)
    staging.mark_as_done(type(found), found.key)


def _compare_state(staging: Staging, user: User) -> None:
    """Compare what the file does not have."""
    if user.deleting:
        raise click.ClickException(f"user {user.id}: is being deleted; {_EMPTY}")
    if user.assignment_count < staging.task_count(user.id):
        raise click.ClickException(f"user {user.id}: has more tasks in the file; {_EMPTY}")


def _differs(record: Record, fields: list[str]) -> NoReturn:
    raise click.ClickException(
        f"{records.label(record)}: has another {' and '.join(fields)} in the file; {_EMPTY}"
    )


def _user_jobs(staging: Staging) -> Iterator[Callable[[], int]]:
    users: list[UserRecord] = []
    counts: list[int] = []
    for line in staging.lines_to_do(UserRecord):
        users.append(_record(UserRecord, line))
        counts.append(staging.task_count(users[-1].id))
        if len(users) == USERS_AT_ONCE:
            yield partial(_write_users, users, counts)
            users, counts = [], []
    if users:
        yield partial(_write_users, users, counts)


def _task_jobs(staging: Staging) -> Iterator[Callable[[], int]]:
    batch = _Batch([])
    for line in staging.lines_to_do(TaskRecord):
        task = _record(TaskRecord, line)
        size = len(line) * (1 + len(task.assignees))
        if batch.tasks and not batch.fits(task, size):
            yield partial(_write_tasks, batch.tasks)
            batch = _Batch([])
        batch = batch.with_task(task, size)
    if batch.tasks:
        yield partial(_write_tasks, batch.tasks)


def _token_jobs(staging: Staging) -> Iterator[Callable[[], int]]:
    for line in staging.lines_to_do(TokenRecord):
        yield partial(_write_token, _record(TokenRecord, line))


def _record(kind: type[R], line: bytes) -> R:
    return msgspec.json.decode(line, type=kind)


def _write_users(users: list[UserRecord], counts: list[int]) -> int:
    transaction = Transaction()
    for record, count in zip(users, counts, strict=True):
        user = msgspec.structs.replace(record.entity(), assignment_count=count)
        user_writes.create_user(transaction, user)
    _commit(transaction, UserModel, users)
    return len(users)


def _write_tasks(tasks: list[TaskRecord]) -> int:
    transaction = Transaction()
    for record in tasks:
        task_writes.create_task(transaction, record.entity())
    _commit(transaction, TaskModel, tasks)
    return len(tasks)


def _write_token(record: TokenRecord) -> int:
    try:
        parallel.patiently(partial(token_writes.create_token, record.entity()))
    except ConditionFailed:
        found = queries.token(record.digest)
        if found and (differing := records.differing(record, TokenRecord.of(found))):
            _differs(record, differing)
    return 1


def _commit(transaction: Transaction, model: type[Model], records: Sequence[Record]) -> None:
    """Commit a transaction that creates these records.

    Raises:
        click.ClickException: the database has others in their place.
    """
    try:
        parallel.patiently(transaction.commit)
    except ConditionFailed as error:
        # An attempt without a response may have written them.
        found = lookup.fetch(model, ({"id": {"N": str(record.key)}} for record in records))
        written = [stored.record(stored.entity(model, item)) for item in found.values()]
        if sorted(written, key=_key) != sorted(records, key=_key):
            raise click.ClickException(
                "another client writes to the database; stop it, then run the import again"
            ) from error


def _key(record: Record) -> int | str:
    return record.key
