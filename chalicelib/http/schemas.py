"""The bodies and query parameters that are taken, and the bodies that are given."""

from typing import Literal

import msgspec

from chalicelib.dynamodb.codec import Task, User
from chalicelib.http import text_rules
from chalicelib.http.fields import (
    MAX_NAME,
    Assignees,
    Cursor,
    Day,
    Deadline,
    Desc,
    Id,
    Ignored,
    Name,
    Offset,
    Order,
    PageSize,
    SameId,
    Sort,
    StatusGiven,
    Username,
    WithStatus,
)
from chalicelib.services.tasks import Status


class _Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A JSON object without fields that we don't know."""


class NewUser(_Body):
    """The body of POST /v1/users."""

    username: Username

    def __post_init__(self) -> None:
        self.username = text_rules.clean_username(self.username)


class _TaskFields(_Body):
    """What every body with a task's fields has in common."""

    name: Name | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.name is not msgspec.UNSET:
            self.name = text_rules.clean_name("name", self.name, MAX_NAME)


class NewTask(_TaskFields):
    """The body of POST /v1/tasks. Only `name` is required."""

    name: Name
    desc: Desc = ""
    status: Status = "PENDING"
    expires_at: Deadline | None = None


class _Sent(_TaskFields, kw_only=True):
    """What a client may send back of a task that it got; it is ignored, but for the id."""

    id: SameId | msgspec.UnsetType = msgspec.UNSET
    created_at: Ignored | msgspec.UnsetType = msgspec.UNSET
    assignees: Ignored | msgspec.UnsetType = msgspec.UNSET


class WholeTask(_Sent, kw_only=True):
    """The body of PUT /v1/tasks/{task_id}. Without `expires_at` the task has no deadline."""

    name: Name
    desc: Desc
    status: Status
    expires_at: Deadline | None = None


class TaskPatch(_Sent, kw_only=True):
    """The body of PATCH /v1/tasks/{task_id}: the fields to change (RFC 7396)."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    desc: Desc | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    expires_at: Deadline | None | msgspec.UnsetType = msgspec.UNSET


class _Query(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Query parameters without any that we don't know."""


class ListQuery(_Query):
    """What every list takes. `cursor` carries order, sort and status; see docs/architecture.md."""

    page_size: PageSize = 100
    offset: Offset = 0
    order: Order | None = None
    cursor: Cursor | None = None


class TaskListQuery(ListQuery):
    """What lists of tasks take."""

    sort: Sort | None = None
    status: WithStatus | None = None


class UserBody(msgspec.Struct):
    """A user."""

    id: Id
    username: str
    created_at: Day

    @classmethod
    def of(cls, user: User) -> "UserBody":
        return cls(user.id, user.username, user.created_at[:10])


class TaskBody(msgspec.Struct):
    """A task."""

    id: Id
    name: str
    desc: str
    status: StatusGiven
    expires_at: Day | None
    created_at: Day
    assignees: Assignees

    @classmethod
    def of(cls, task: Task) -> "TaskBody":
        return cls(
            task.id,
            task.name,
            task.desc,
            task.status,
            task.expires_at,
            task.created_at[:10],
            task.assignees,
        )


class Done(msgspec.Struct, kw_only=True):
    """The body of a successful change. `detail` says what changed."""

    success: Literal[True] = True
    detail: str


class TaskDone(Done, kw_only=True):
    """The body of a successful change of a task, with the task in `payload`."""

    payload: TaskBody


class Health(msgspec.Struct):
    """The body of GET /v1/health."""

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"


class Problem(msgspec.Struct, kw_only=True):
    """An error (RFC 9457).

    `detail` begins with the name of the field, header or parameter that is wrong, if there is one.
    Only a 429 for a spent quota has `violated-policies`.
    """

    type: str = "about:blank"
    title: str
    status: int
    success: Literal[False] = False
    detail: str
    violated_policies: tuple[str, ...] | msgspec.UnsetType = msgspec.field(
        name="violated-policies", default=msgspec.UNSET
    )
