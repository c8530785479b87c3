"""The bodies and query parameters of requests, and the bodies of responses."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.domain.task import Status, Task, TaskFields, TaskUpdate
from chalicelib.domain.user import User
from chalicelib.http import text_rules
from chalicelib.http.fields import (
    MAX_NAME,
    MAX_USERNAME,
    MUST_BE_ID_IN_PATH,
    Assignees,
    CreatedAfter,
    CreatedBefore,
    Cursor,
    Day,
    Desc,
    DueAfter,
    DueBefore,
    DueDate,
    ETag,
    FeedComponent,
    FeedToken,
    FeedUrl,
    FirstAssignees,
    Id,
    IfMatch,
    Ignored,
    Mode,
    Moment,
    Name,
    NewAssignees,
    Offset,
    OperationId,
    Order,
    PageSize,
    SameId,
    Sort,
    StatusGiven,
    Unassigned,
    UserId,
    Username,
    WithStatuses,
    WithUsername,
)

F = TypeVar("F", TaskFields, TaskUpdate)

MAX_BATCH = 50
"""The maximum number of operations in a batch."""


class _Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A JSON object. Unknown fields are errors."""


class NewUser(_Body):
    """The body of POST /v1/users."""

    username: Username

    def __post_init__(self) -> None:
        self.username = text_rules.clean_username(self.username, MAX_USERNAME)


class UserPatch(_Body):
    """The body of PATCH /v1/users/{user_id}. All but the username is output-only."""

    username: Username | msgspec.UnsetType = msgspec.UNSET
    id: SameId | msgspec.UnsetType = msgspec.UNSET
    created_at: Ignored | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.username is not msgspec.UNSET:
            self.username = text_rules.clean_username(self.username, MAX_USERNAME)


class _TaskFieldsBody(_Body):
    """A body with the fields of a task."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    assignees: NewAssignees | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.name is not msgspec.UNSET:
            self.name = text_rules.clean_name("name", self.name, MAX_NAME)
        if self.assignees is not msgspec.UNSET:
            if len(set(self.assignees)) < len(self.assignees):
                raise ValueError(f"assignees: {must_be(type(self), 'assignees')}")
            self.assignees = tuple(sorted(self.assignees))


class NewTask(_TaskFieldsBody):
    """The body of POST /v1/tasks. Only `name` is required."""

    name: Name
    desc: Desc = ""
    status: Status = "PENDING"
    expires_at: DueDate | None = None
    assignees: FirstAssignees = ()

    def fields(self) -> TaskFields:
        """Return the fields of the new task."""
        return _converted(self, TaskFields)


class _ExistingTaskBody(_TaskFieldsBody, kw_only=True):
    """The output-only fields, which a client may send back. All but the id are ignored."""

    id: SameId | msgspec.UnsetType = msgspec.UNSET
    created_at: Ignored | msgspec.UnsetType = msgspec.UNSET
    updated_at: Ignored | msgspec.UnsetType = msgspec.UNSET
    etag: Ignored | msgspec.UnsetType = msgspec.UNSET


class WholeTask(_ExistingTaskBody, kw_only=True):
    """The body of PUT /v1/tasks/{task_id}.

    Without `expires_at` the task has no deadline; without `assignees` they stay the same."""

    name: Name
    desc: Desc
    status: Status
    expires_at: DueDate | None = None

    def update(self) -> TaskUpdate:
        """Return the update that sets all fields."""
        return _converted(self, TaskUpdate)


class TaskPatch(_ExistingTaskBody, kw_only=True):
    """The body of PATCH /v1/tasks/{task_id}: the fields to change (RFC 7396)."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    desc: Desc | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    expires_at: DueDate | None | msgspec.UnsetType = msgspec.UNSET

    def update(self) -> TaskUpdate:
        """Return the update that sets the fields in the body."""
        return _converted(self, TaskUpdate)


class CreateOperation(_Body, kw_only=True, tag_field="op", tag="create"):
    """Create a task."""

    task: NewTask


class _TaskOperation(_Body, kw_only=True):
    """An operation on a task that exists."""

    id: OperationId
    if_match: IfMatch | None = None


class PatchOperation(_TaskOperation, kw_only=True, tag_field="op", tag="patch"):
    """Change the fields of a task that `task` has."""

    task: TaskPatch


class DeleteOperation(_TaskOperation, kw_only=True, tag_field="op", tag="delete"):
    """Delete a task."""


class AssignOperation(_TaskOperation, kw_only=True, tag_field="op", tag="assign"):
    """Assign a task to a user."""

    user: UserId


OperationBody = CreateOperation | PatchOperation | DeleteOperation | AssignOperation
Operations = Annotated[
    list[OperationBody],
    msgspec.Meta(
        min_length=1,
        max_length=MAX_BATCH,
        description="The operations, each on another task.",
        extra={"must": f"must be a list of 1 to {MAX_BATCH} operations"},
    ),
]


class Batch(_Body):
    """The body of POST /v1/tasks/batch."""

    operations: Operations


class Query(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Query parameters. Unknown ones are errors."""


class BatchQuery(Query):
    """The query parameters of POST /v1/tasks/batch."""

    mode: Mode = "all"


class ListQuery(Query):
    """The query parameters of every list. A cursor holds order, sort and filters."""

    page_size: PageSize = 100
    offset: Offset = 0
    order: Order | None = None
    cursor: Cursor | None = None


class UserListQuery(ListQuery):
    """The query parameters of the list of users."""

    username: WithUsername | None = None

    def __post_init__(self) -> None:
        if self.username is None:
            return
        self.username = text_rules.clean_username(self.username, MAX_USERNAME)
        for name in ("cursor", "offset", "order"):
            if getattr(self, name):
                raise ValueError(f"{name}: must not be sent with username; one user has it")


class TaskListQuery(ListQuery):
    """The query parameters of lists of tasks."""

    sort: Sort | None = None
    status: WithStatuses | None = None
    due_after: DueAfter | None = None
    due_before: DueBefore | None = None
    created_after: CreatedAfter | None = None
    created_before: CreatedBefore | None = None

    def __post_init__(self) -> None:
        if self.status and len(set(self.status)) < len(self.status):
            raise ValueError("status: must have each status only once")


class AllTasksQuery(TaskListQuery):
    """The query parameters of the list of all tasks."""

    unassigned: Unassigned | None = None


class FeedQuery(Query):
    """The query parameters of a feed."""

    component: FeedComponent = "VEVENT"
    token: FeedToken | None = None


class UserBody(msgspec.Struct, kw_only=True):
    """A user."""

    id: Id
    username: str
    created_at: Day

    @classmethod
    def of(cls, user: User) -> "UserBody":
        """Return the body for a user."""
        return cls(id=user.id, username=user.username, created_at=user.created_at[:10])


class TaskBody(msgspec.Struct, kw_only=True):
    """A task."""

    id: Id
    name: str
    desc: str
    status: StatusGiven
    expires_at: Day | None
    created_at: Day
    updated_at: Moment
    assignees: Assignees
    etag: ETag

    @classmethod
    def of(cls, task: Task) -> "TaskBody":
        """Return the body for a task."""
        return cls(
            id=task.id,
            name=task.name,
            desc=task.desc,
            status=task.status,
            expires_at=task.expires_at,
            created_at=task.created_at[:10],
            updated_at=task.updated_at or f"{task.created_at[:19]}Z",
            assignees=task.assignees,
            etag=version_etag(task.version, task.hidden_assignees),
        )


class ChangeBody(msgspec.Struct, kw_only=True):
    """The body of a successful change. `detail` says what changed."""

    success: Literal[True] = True
    detail: str


class FeedBody(ChangeBody, kw_only=True):
    """The body of the response to a new feed."""

    url: FeedUrl


class TaskChangeBody(ChangeBody, kw_only=True):
    """The body of a successful change of a task, with the task in `payload`."""

    payload: TaskBody


class Health(msgspec.Struct, kw_only=True):
    """The body of GET /v1/health."""

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"
    version: str
    """The release of the API."""
    commit: str | msgspec.UnsetType = msgspec.UNSET
    """The commit from which it was packaged, if it was."""
    schema: int
    """The last migration of the database that is complete for this release."""


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


class OperationResult(msgspec.Struct, kw_only=True):
    """The result of one operation of a batch, with the status that it would have alone."""

    op: str
    status: int
    id: Id | msgspec.UnsetType = msgspec.UNSET
    etag: ETag | msgspec.UnsetType = msgspec.UNSET
    payload: TaskBody | msgspec.UnsetType = msgspec.UNSET
    error: Problem | msgspec.UnsetType = msgspec.UNSET


class BatchBody(ChangeBody, kw_only=True):
    """The body of a successful batch, with a result for each operation in order."""

    results: list[OperationResult]


def version_etag(version: int, hidden: int = 0) -> str:
    """Return the strong ETag of a version of a user or task.

    Bodies of one version are identical, apart from assignees that are left out. Their number
    follows the version.
    """
    return f'"{version}-{hidden}"' if hidden else f'"{version}"'


def require_same_id(ident: int, given: int | msgspec.UnsetType) -> None:
    """Raise Invalid if a body has another id than the path."""
    if given not in (msgspec.UNSET, ident):
        raise Invalid(f"id: {MUST_BE_ID_IN_PATH}, {ident}")


def must_be(kind: type[msgspec.Struct], name: str) -> str:
    """Return what a field of a body or query must be, for the detail of an error."""
    return next(_requirements(get_type_hints(kind, include_extras=True)[name]))


def _requirements(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, msgspec.Meta):
        if annotation.extra:
            yield annotation.extra["must"]
    elif get_origin(annotation) is Literal:
        yield f"must be one of {', '.join(get_args(annotation))}"
    else:
        for part in reversed(get_args(annotation)):  # the Meta comes after its type
            yield from _requirements(part)


def _converted(body: _Body, kind: type[F]) -> F:
    """Return the body's values of the fields that `kind` has, with dates as text."""
    values = {name: getattr(body, name) for name in kind.__struct_fields__}
    present = {name: value for name, value in values.items() if value is not msgspec.UNSET}
    return msgspec.convert(msgspec.to_builtins(present), kind)
