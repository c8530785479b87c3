"""Users, tasks, tokens and replies as the floors above know them, and how DynamoDB's JSON is read.

Attributes that these records don't know are passed over, so that a newer version may add some
while this one still runs.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from chalicelib.dynamodb import sort_keys
from chalicelib.dynamodb.client import Item


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user. `created_at` is UTC in ISO 8601 with microseconds."""

    id: int
    username: str
    created_at: str
    assigns: int = 0
    going: bool = False

    @property
    def recency(self) -> str:
        """Its place among the users by creation."""
        return sort_keys.recency(self.created_at, self.id)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task. `created_at` is UTC in ISO 8601 with microseconds, `expires_at` is YYYY-MM-DD,
    `assignees` are ids of users in ascending order."""

    id: int
    name: str
    desc: str
    status: str
    expires_at: str | None
    created_at: str
    assignees: tuple[int, ...] = ()
    version: int = 1
    lane: int | None = None
    """As it is stored; None for one that is new, or was read from a copy."""
    hidden: int = 0
    """How many assignees are left out, for they are being deleted (`going`)."""

    @property
    def recency(self) -> str:
        """Its place among the tasks by creation."""
        return sort_keys.recency(self.created_at, self.id)

    @property
    def urgency(self) -> str:
        """Its place among the tasks by deadline."""
        return sort_keys.urgency(self.expires_at, self.id)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret. Both times are UTC in ISO 8601 with microseconds."""

    digest: str
    name: str
    role: str
    created_at: str
    expires_at: str | None
    last_four: str

    @property
    def id(self) -> str:
        """What it is called by in public: 64 of the 256 bits of the digest."""
        return self.digest[:16]


class Claim(msgspec.Struct, frozen=True):
    """A running request's hold on an idempotency key."""

    key: str
    owner: str
    """A random word by which this request is told from one that takes the key over."""


class Reply(msgspec.Struct, frozen=True):
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: str


class _S(msgspec.Struct):
    S: str


class _N(msgspec.Struct):
    N: int


class _NS(msgspec.Struct):
    NS: list[int]


class _Bool(msgspec.Struct):
    BOOL: bool


class UserItem(msgspec.Struct):
    """A user's item on the wire."""

    id: _N
    username: _S
    created_at: _S
    assigns: _N | None = None
    going: _Bool | None = None

    def record(self) -> User:
        """The user that it stands for."""
        return User(
            id=self.id.N,
            username=self.username.S,
            created_at=self.created_at.S,
            assigns=self.assigns.N if self.assigns else 0,
            going=self.going is not None,
        )


class TaskItem(msgspec.Struct):
    """A task's item on the wire, or that of one of its copies."""

    id: _N
    name: _S
    desc: _S
    status: _S
    created_at: _S
    version: _N
    expires_at: _S | None = None
    assignees: _NS | None = None
    lane: _N | None = None

    def record(self) -> Task:
        """The task that it stands for."""
        return Task(
            id=self.id.N,
            name=self.name.S,
            desc=self.desc.S,
            status=self.status.S,
            expires_at=self.expires_at.S if self.expires_at else None,
            created_at=self.created_at.S,
            assignees=tuple(sorted(self.assignees.NS)) if self.assignees else (),
            version=self.version.N,
            lane=self.lane.N if self.lane else None,
        )


class KeyItem(msgspec.Struct):
    """The item of an idempotency key on the wire."""

    fingerprint: _S
    reply: _S | None = None


class TokenItem(msgspec.Struct):
    """A token's item on the wire."""

    digest: _S
    name: _S
    role: _S
    created_at: _S
    last_four: _S
    expires_at: _S | None = None

    def record(self) -> Token:
        """The token that it stands for."""
        return Token(
            digest=self.digest.S,
            name=self.name.S,
            role=self.role.S,
            created_at=self.created_at.S,
            expires_at=self.expires_at.S if self.expires_at else None,
            last_four=self.last_four.S,
        )


class PlacedUser(UserItem, kw_only=True):
    """A user's item as an index gives it."""

    place: _S = msgspec.field(name="recency")


class TaskByRecency(TaskItem, kw_only=True):
    """A task's item as an order by creation gives it."""

    place: _S = msgspec.field(name="recency")


class TaskByUrgency(TaskItem, kw_only=True):
    """A task's item as an order by deadline gives it."""

    place: _S = msgspec.field(name="urgency")


class TaskByStatusRecency(TaskItem, kw_only=True):
    """A copy as an order by status and creation gives it."""

    place: _S = msgspec.field(name="status_recency")


class TaskByStatusUrgency(TaskItem, kw_only=True):
    """A copy as an order by status and deadline gives it."""

    place: _S = msgspec.field(name="status_urgency")


I = TypeVar("I", bound=UserItem | TaskItem | TokenItem)  # noqa: E741


class GetReply(msgspec.Struct, Generic[I]):
    """What GetItem answers."""

    Item: I | None = None


class UpdateReply(msgspec.Struct, Generic[I]):
    """What UpdateItem answers when asked for all that is new."""

    Attributes: I


class QueryReply(msgspec.Struct, Generic[I]):
    """What Query answers."""

    Items: list[I]
    LastEvaluatedKey: dict[str, Any] | None = None


def task_of(item: Item) -> Task:
    """Reads a task from an item that came with an error."""
    return msgspec.convert(item, TaskItem, strict=False).record()


def user_of(item: Item) -> User:
    """Reads a user from an item that came with an error."""
    return msgspec.convert(item, UserItem, strict=False).record()


def token_of(item: Item) -> Token:
    """Reads a token from its item; raises msgspec.ValidationError if that is not possible."""
    return msgspec.convert(item, TokenItem, strict=False).record()


def decoder(reply: Any) -> "msgspec.json.Decoder[Any]":
    """Reads a reply; numbers, which come as strings, become ints."""
    return msgspec.json.Decoder(reply, strict=False)
