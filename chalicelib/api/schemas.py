"""The bodies and query parameters that are taken, and the bodies that are given."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from chalicelib.listing import Order, Sort
from chalicelib.storage.records import Task, User
from chalicelib.tasks import Status

MOST_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
"""No control characters; Python's `$` alone would let a newline at the end pass."""

Username = Annotated[str, msgspec.Meta(max_length=10_000, pattern=PRINTABLE)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PRINTABLE)]
Desc = Annotated[str, msgspec.Meta(max_length=10_000)]


class _Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A JSON object without fields that we don't know."""


class NewUser(_Body):
    """What POST /v1/users takes. The name counts without the white space around it."""

    username: Username

    def __post_init__(self) -> None:
        if not 1 <= len(self.username.strip()) <= 254:
            raise ValueError("username: expected 1 to 254 characters")


class NewTask(_Body):
    """What POST /v1/tasks takes."""

    name: Name
    desc: Desc = ""
    status: Status = "PENDING"
    expires_at: date | None = None


class WholeTask(_Body):
    """What PUT /v1/tasks/{id} takes: all that can change; no expires_at clears it."""

    name: Name
    desc: Desc
    status: Status
    expires_at: date | None = None


class TaskPatch(_Body):
    """What PATCH /v1/tasks/{id} takes: what shall change (RFC 7396 in effect)."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    desc: Desc | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    expires_at: date | None | msgspec.UnsetType = msgspec.UNSET


class _Query(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Query parameters without any that we don't know."""


class ListQuery(_Query):
    """What every list takes. `cursor` carries order, sort and status; see docs/architecture.md."""

    page_size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    order: Order | None = None
    cursor: str | None = None


class TaskListQuery(ListQuery):
    """What lists of tasks take."""

    sort: Sort | None = None
    status: Status | None = None


class UserBody(msgspec.Struct):
    """A user, as given."""

    id: int
    username: str
    created_at: str

    @classmethod
    def of(cls, user: User) -> "UserBody":
        return cls(user.id, user.username, user.created_at[:10])


class TaskBody(msgspec.Struct):
    """A task, as given."""

    id: int
    name: str
    desc: str
    status: str
    expires_at: str | None
    created_at: str
    assignees: tuple[int, ...]

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
    """What a change without a payload answers."""

    success: Literal[True] = True
    detail: str


class TaskDone(Done, kw_only=True):
    """What a change of a task answers."""

    payload: TaskBody


class Health(msgspec.Struct):
    """What GET /v1/health answers."""

    status: str = "ok"
    database: str = "ok"


class Problem(msgspec.Struct, kw_only=True):
    """Every error, as RFC 9457 has it, with the API's own `success`.

    `violated-policies` is a member of the type that tells of a spent quota alone.
    """

    type: str = "about:blank"
    title: str
    status: int
    success: Literal[False] = False
    detail: str
    violated_policies: tuple[str, ...] | msgspec.UnsetType = msgspec.field(
        name="violated-policies", default=msgspec.UNSET
    )
