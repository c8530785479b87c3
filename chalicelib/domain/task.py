"""Tasks. A new field is defined here; CONTRIBUTING.md lists the other files that name it."""

from typing import Any, Literal, Self, get_args

import msgspec

from chalicelib.domain.errors import TooManyAssignees

Status = Literal["PENDING", "IN_PROGRESS", "DONE", "CANCELLED"]
STATUSES: tuple[Status, ...] = get_args(Status)

MAX_ASSIGNEES = 50


class TaskFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a task that a client sets. `expires_at` is the due date, YYYY-MM-DD."""

    name: str
    desc: str = ""
    status: Status = "PENDING"
    expires_at: str | None = None


class TaskUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """New values for some of the fields that a client sets. UNSET leaves a field as it is."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    desc: str | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    expires_at: str | None | msgspec.UnsetType = msgspec.UNSET

    def values(self) -> dict[str, Any]:
        """Return the new values by field, without the fields that stay as they are."""
        values = msgspec.structs.asdict(self)
        return {name: value for name, value in values.items() if value is not msgspec.UNSET}


class Task(TaskFields, frozen=True, kw_only=True):
    """A task.

    `created_at` is UTC in ISO 8601 with microseconds. `assignees` are user ids in ascending order.
    `version` counts the writes, from 1.
    """

    id: int
    created_at: str
    assignees: tuple[int, ...] = ()
    version: int = 1
    hidden_assignees: int = 0
    """The number of assignees left out because they are being deleted. Not stored."""

    def updated(self, update: TaskUpdate) -> Self:
        """Return the task with the new values."""
        return msgspec.structs.replace(self, **update.values())

    def assigned_to(self, user_id: int) -> Self:
        """Return the task with this assignee, or the task itself if it has the assignee already.

        Raises:
            TooManyAssignees: the task has MAX_ASSIGNEES others.
        """
        if user_id in self.assignees:
            return self
        if len(self.assignees) >= MAX_ASSIGNEES:
            raise TooManyAssignees(self.id, MAX_ASSIGNEES)
        assignees = tuple(sorted((*self.assignees, user_id)))
        return msgspec.structs.replace(self, assignees=assignees)

    def unassigned_from(self, user_id: int) -> Self:
        """Return the task without this assignee, or the task itself if it does not have it."""
        if user_id not in self.assignees:
            return self
        assignees = tuple(one for one in self.assignees if one != user_id)
        return msgspec.structs.replace(self, assignees=assignees)
