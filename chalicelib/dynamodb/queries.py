"""Reading one thing, and one lane of a list. Each call here is one call to DynamoDB."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import GET_ITEM
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.dynamodb import botocore_patches, client, sort_keys
from chalicelib.dynamodb.codec import (
    GetReply,
    PlacedUser,
    QueryReply,
    Task,
    TaskByRecency,
    TaskByStatusRecency,
    TaskByStatusUrgency,
    TaskByUrgency,
    TaskItem,
    Token,
    TokenItem,
    User,
    UserItem,
    decoder,
)
from chalicelib.dynamodb.models import (
    AssignmentModel,
    CounterModel,
    TaskModel,
    TokenModel,
    UserModel,
)

R = TypeVar("R", User, Task)

_ONE_USER = decoder(GetReply[UserItem])
_ONE_TASK = decoder(GetReply[TaskItem])
_ONE_TOKEN = decoder(GetReply[TokenItem])
_USERS = decoder(QueryReply[PlacedUser])
_BY_RECENCY = decoder(QueryReply[TaskByRecency])
_BY_URGENCY = decoder(QueryReply[TaskByUrgency])
_BY_STATUS_RECENCY = decoder(QueryReply[TaskByStatusRecency])
_BY_STATUS_URGENCY = decoder(QueryReply[TaskByStatusUrgency])


class Ordering(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """A table or an index, which keeps the items of one hash key in the order of a sort key."""

    model: type[Model]
    index: str | None
    position: Literal["recency", "urgency"]
    status_first: bool = False
    """Whether the status stands before the position in the sort key."""
    replies: "msgspec.json.Decoder[Any]"
    consistent: bool = False
    """Whether it shows each write at once; only a table and its local indexes can."""


class Placed(NamedTuple, Generic[R]):
    """A record, and its place in the order: the sort key that is stored, which may be an older
    version's and differ from what `keys` would make of the record."""

    place: str
    record: R


class Slice(msgspec.Struct, Generic[R], frozen=True):
    """What one Query found. `more` where it stopped at its limit, or at DynamoDB's 1 MB."""

    records: Sequence["Placed[R]"]
    more: bool


USERS_BY_CREATED = Ordering[User](
    model=UserModel, index="newest", position="recency", replies=_USERS
)
TASKS_BY_CREATED = Ordering[Task](
    model=TaskModel, index="newest", position="recency", replies=_BY_RECENCY
)
TASKS_BY_DUE = Ordering[Task](
    model=TaskModel, index="most_urgent", position="urgency", replies=_BY_URGENCY
)
TASKS_BY_STATUS_AND_CREATED = Ordering[Task](
    model=TaskModel, index="newest_by_status", position="recency", replies=_BY_RECENCY
)
TASKS_BY_STATUS_AND_DUE = Ordering[Task](
    model=TaskModel, index="most_urgent_by_status", position="urgency", replies=_BY_URGENCY
)
ASSIGNED_BY_CREATED = Ordering[Task](
    model=AssignmentModel,
    index=None,
    position="recency",
    replies=_BY_RECENCY,
    consistent=True,
)
ASSIGNED_BY_DUE = Ordering[Task](
    model=AssignmentModel,
    index="most_urgent",
    position="urgency",
    replies=_BY_URGENCY,
    consistent=True,
)
ASSIGNED_BY_STATUS_AND_CREATED = Ordering[Task](
    model=AssignmentModel,
    index="newest_by_status",
    position="recency",
    status_first=True,
    replies=_BY_STATUS_RECENCY,
    consistent=True,
)
ASSIGNED_BY_STATUS_AND_DUE = Ordering[Task](
    model=AssignmentModel,
    index="most_urgent_by_status",
    position="urgency",
    status_first=True,
    replies=_BY_STATUS_URGENCY,
    consistent=True,
)


def user(ident: int) -> User | None:
    """The user as last written, also one that is going; None where there is none."""
    item = _ONE_USER.decode(_get(UserModel, str(ident))).Item
    return item.record() if item else None


def task(ident: int) -> Task | None:
    """The task as last written; None where there is none."""
    item = _ONE_TASK.decode(_get(TaskModel, str(ident))).Item
    return item.record() if item else None


def token(digest: str) -> Token | None:
    """The token as last written; None where there is none."""
    item = _ONE_TOKEN.decode(_get(TokenModel, digest)).Item
    return item.record() if item else None


def ping() -> None:
    """Asks the database for anything; raises Unavailable where it does not answer."""
    _get(CounterModel, "ping")


def query(
    ordering: Ordering[R],
    key: str,
    *,
    after: str | None,
    ascending: bool,
    limit: int,
    status: str | None = None,
) -> Slice[R]:
    """One Query: up to `limit` records of a hash key, behind a position in the order.

    Args:
        status: the one that is wanted, where the ordering has it first.
    """
    table = botocore_patches.table_of(ordering.model)
    if ordering.status_first:
        place = getattr(ordering.model, f"status_{ordering.position}")
        beyond = place.between(*sort_keys.span(status or "", after, ascending))
    else:
        beyond = _beyond(getattr(ordering.model, ordering.position), after, ascending)
    reply: Any = client.send(
        lambda: table.query(
            key,
            range_key_condition=beyond,
            index_name=ordering.index,
            scan_index_forward=ascending,
            consistent_read=ordering.consistent,
            limit=limit,
        ),
        repeatable=True,
    )
    found = ordering.replies.decode(reply["Body"])
    prefix = len(sort_keys.status_place(status or "", "")) if ordering.status_first else 0
    placed = [Placed(item.place.S[prefix:], item.record()) for item in found.Items]
    return Slice(placed, found.LastEvaluatedKey is not None)


def _beyond(position: Attribute[str], after: str | None, ascending: bool) -> Condition | None:
    if after is None:
        return None
    return position > after if ascending else position < after


def _get(model: type[Model], key: str) -> bytes:
    table = botocore_patches.table_of(model)
    arguments = table.get_operation_kwargs(key, consistent_read=True)
    return client.dispatch(GET_ITEM, arguments, repeatable=True)
