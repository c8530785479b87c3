"""The reads of users, tasks and tokens. Each function here is one call to DynamoDB."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import GET_ITEM
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.domain.token import Token
from chalicelib.domain.user import User
from chalicelib.dynamodb import botocore_patches, client, index_keys, wire
from chalicelib.dynamodb.codec import (
    ASSIGNMENTS,
    TASKS,
    TOKENS,
    USERS,
    Entry,
    QueryResult,
    StoredTask,
)
from chalicelib.dynamodb.index_keys import KeyRange
from chalicelib.dynamodb.models import (
    AssignmentModel,
    TaskModel,
    TokenModel,
    UserModel,
    UsernameModel,
)

E = TypeVar("E", User, StoredTask)

EVERY_KEY = KeyRange()


class Part(NamedTuple):
    """The part of an index that one Query reads."""

    hash_key: str
    status: str = ""
    """The only status of the part, in an index that has the status first."""


class Index(msgspec.Struct, Generic[E], frozen=True, kw_only=True):
    """A table or an index of it, which sorts the items of one hash key by a sort key."""

    model: type[Model]
    name: str | None = None
    """None for the table itself."""
    sort_key: str
    """The name of the model's attribute."""
    status_first: bool = False
    """Whether the status precedes the sort key in the stored one."""
    read: Callable[[bytes], QueryResult[E]]
    consistent: bool = False
    """Whether it shows each write at once. Only a table and its local indexes can."""


USERS_BY_CREATED = Index[User](
    model=UserModel,
    name="newest",
    sort_key="created_key",
    read=USERS.of_query("created_key"),
)


def _of_tasks(name: str, sort_key: str) -> Index[StoredTask]:
    return Index(model=TaskModel, name=name, sort_key=sort_key, read=TASKS.of_query(sort_key))


def _of_assignments(
    name: str | None, sort_key: str, status_first: bool = False
) -> Index[StoredTask]:
    return Index(
        model=AssignmentModel,
        name=name,
        sort_key=sort_key,
        status_first=status_first,
        read=ASSIGNMENTS.of_query(sort_key),
        consistent=True,
    )


TASKS_BY_CREATED = _of_tasks("newest", "created_key")
TASKS_BY_DUE = _of_tasks("most_urgent", "due_key")
TASKS_BY_STATUS_AND_CREATED = _of_tasks("newest_by_status", "created_key")
TASKS_BY_STATUS_AND_DUE = _of_tasks("most_urgent_by_status", "due_key")
UNASSIGNED_BY_DUE = _of_tasks("most_urgent_unassigned", "due_key")
ASSIGNED_BY_CREATED = _of_assignments(None, "created_key")
ASSIGNED_BY_DUE = _of_assignments("most_urgent", "due_key")
ASSIGNED_BY_STATUS_AND_CREATED = _of_assignments(
    "newest_by_status", "status_created_key", status_first=True
)
ASSIGNED_BY_STATUS_AND_DUE = _of_assignments(
    "most_urgent_by_status", "status_due_key", status_first=True
)


class _Reservation(msgspec.Struct):
    user_id: wire.Number


_RESERVATION = wire.decoder(wire.GetReply, _Reservation)


def user(user_id: int) -> User | None:
    """Return the user, also one that is being deleted, or None (strongly consistent read)."""
    return USERS.of_get(_get(UserModel, str(user_id)))


def user_id_of(name: str) -> int | None:
    """Return the id of the user who has the username, or None (strongly consistent read).

    Args:
        name: the username in normalized form.
    """
    reservation = _RESERVATION.decode(_get(UsernameModel, name)).Item
    return reservation.user_id.N if reservation else None


def task(task_id: int) -> StoredTask | None:
    """Return the task, or None if it does not exist (strongly consistent read)."""
    return TASKS.of_get(_get(TaskModel, str(task_id)))


def tasks(task_ids: Sequence[int]) -> Mapping[int, StoredTask]:
    """Return those of up to 100 tasks that exist, by id (strongly consistent reads)."""
    if not task_ids:
        return {}
    table = botocore_patches.table_of(TaskModel)
    keys: list[Any] = [{"id": task_id} for task_id in task_ids]
    reply = client.call_with_retries(
        lambda: client.require_all_processed(table.batch_get_item(keys, consistent_read=True)),
        repeatable=True,
    )
    found = map(TASKS.of_item, reply["Responses"][table.table_name])
    return {task.id: task for task in found}


def token(digest: str) -> Token | None:
    """Return the token, or None if it does not exist (strongly consistent read)."""
    return TOKENS.of_get(_get(TokenModel, digest))


def query(
    index: Index[E], part: Part, *, keys: KeyRange = EVERY_KEY, ascending: bool, limit: int
) -> QueryResult[E]:
    """Send one Query for up to `limit` entities of a part, in a range of sort keys."""
    if keys.empty:
        return QueryResult([], False)
    table = botocore_patches.table_of(index.model)
    sort_key: Attribute[str] = getattr(index.model, index.sort_key)
    prefix = ""
    if index.status_first:
        prefix, keys = index_keys.status_key(part.status, ""), keys.of_status(part.status)
    reply: Any = client.call_with_retries(
        lambda: table.query(
            part.hash_key,
            range_key_condition=_within(sort_key, keys),
            index_name=index.name,
            scan_index_forward=ascending,
            consistent_read=index.consistent,
            limit=limit,
        ),
        repeatable=True,
    )
    result = index.read(reply["Body"])
    if not prefix:
        return result
    entries = [Entry(one.sort_key.removeprefix(prefix), one.entity) for one in result.entries]
    return QueryResult(entries, result.more)


def _within(sort_key: Attribute[str], keys: KeyRange) -> Condition | None:
    if keys.first and keys.last:
        return sort_key.between(*keys)
    if keys.first:
        return sort_key >= keys.first
    return sort_key <= keys.last if keys.last else None


def _get(model: type[Model], key: str) -> bytes:
    table = botocore_patches.table_of(model)
    arguments = table.get_operation_kwargs(key, consistent_read=True)
    return client.dispatch(GET_ITEM, arguments, repeatable=True)
