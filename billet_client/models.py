"""The fields of tasks and users, from the schemas of the API: `billet openapi --write`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NotRequired, TypedDict

import msgspec

Status = Literal["PENDING", "IN_PROGRESS", "DONE", "CANCELLED"]


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task."""

    id: int
    name: str
    desc: str
    status: Status
    expires_at: date | None
    """A date, YYYY-MM-DD."""
    created_at: date
    """A date, YYYY-MM-DD."""
    updated_at: datetime
    """A time in UTC, to the second: that of the last change."""
    assignees: tuple[int, ...]
    """The ids of the users that the task is assigned to."""
    etag: str
    """The ETag of this version of the task, for If-Match."""


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user."""

    id: int
    username: str
    created_at: date
    """A date, YYYY-MM-DD."""
    etag: str | None = None
    """The ETag of this version; None in lists."""


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of GET /v1/health."""

    status: Literal["ok"]
    database: Literal["ok"]
    version: str
    commit: str | None = None
    schema: int


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error (RFC 9457).

    `detail` begins with the name of the field, header or parameter that is wrong, if there is one.
    Only a 429 for a spent quota has `violated-policies`."""

    type: str
    title: str
    status: int
    success: Literal[False]
    detail: str


class BatchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of one operation of a batch, with the status that it would have alone."""

    op: str
    status: int
    id: int | None = None
    etag: str | None = None
    """The ETag of this version of the task, for If-Match."""
    payload: Task | None = None
    error: Problem | None = None


class TaskOptions(TypedDict):
    """The body of POST /v1/tasks. Only `name` is required."""

    assignees: NotRequired[Sequence[int]]
    """The ids of the users that the task is assigned to, in any order. One request adds and removes
    at most 48 users."""
    desc: NotRequired[str]
    """The text."""
    status: NotRequired[Status]
    expires_at: NotRequired[date | str | None]
    """The deadline; null for none."""


class WholeTask(TypedDict):
    """The body of PUT /v1/tasks/{task_id}.

    Without `expires_at` the task has no deadline; without `assignees` they stay the same."""

    assignees: NotRequired[Sequence[int]]
    """The ids of the users that the task is assigned to, in any order. One request adds and removes
    at most 48 users."""
    name: str
    """The name. White space at both ends is removed."""
    desc: str
    """The text."""
    status: Status
    expires_at: NotRequired[date | str | None]
    """The deadline; null for none."""


class TaskChanges(TypedDict):
    """The body of PATCH /v1/tasks/{task_id}: the fields to change (RFC 7396)."""

    assignees: NotRequired[Sequence[int]]
    """The ids of the users that the task is assigned to, in any order. One request adds and removes
    at most 48 users."""
    name: NotRequired[str]
    """The name. White space at both ends is removed."""
    desc: NotRequired[str]
    """The text."""
    status: NotRequired[Status]
    expires_at: NotRequired[date | str | None]
    """The deadline; null for none."""
