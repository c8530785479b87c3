"""The ids of tasks and users in arguments."""

from collections.abc import Mapping
from operator import index
from typing import Any

_USER_HINT = '; users.list(username="ann") finds a user by name'


def task(value: object) -> int:
    """Return the id of a task.

    Raises:
        TypeError: it is something else.
    """
    return _id("task", value, "")


def user(value: object) -> int:
    """Return the id of a user.

    Raises:
        TypeError: it is something else, such as a name.
    """
    return _id("user", value, _USER_HINT)


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a task, with the ids of its assignees as a list.

    Raises:
        TypeError: an assignee is no id.
    """
    if fields.get("assignees") is None:
        return dict(fields)
    assignees = fields["assignees"]
    if isinstance(assignees, str | int):
        raise TypeError(f"assignees must be a list of ids, not {assignees!r}{_USER_HINT}")
    return {**fields, "assignees": [_id("each of assignees", one, _USER_HINT) for one in assignees]}


def _id(name: str, value: Any, hint: str) -> int:
    try:
        if not isinstance(value, bool):
            return index(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be an id, not {value!r}{hint}")
