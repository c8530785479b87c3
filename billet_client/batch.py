"""The operations of a batch."""

from typing import Any, Unpack

from billet_client import ids
from billet_client.models import TaskChanges, TaskOptions


class Operation:
    """An operation of a batch. `if_match` limits it to one version of its task."""

    def __init__(self, op: str, if_match: str | None = None, **body: Any) -> None:
        self.body = {"op": op, **body} | ({} if if_match is None else {"if_match": if_match})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.body}>"


class Create(Operation):
    """Creates a task: `Create("Write the report", assignees=[1])`."""

    def __init__(self, name: str, **options: Unpack[TaskOptions]) -> None:
        super().__init__("create", task={"name": name, **ids.checked(options)})


class Patch(Operation):
    """Changes some fields of a task: `Patch(7, status="DONE")`."""

    def __init__(
        self, task_id: int, *, if_match: str | None = None, **changes: Unpack[TaskChanges]
    ) -> None:
        super().__init__("patch", if_match, id=ids.task(task_id), task=ids.checked(changes))


class Delete(Operation):
    """Deletes a task: `Delete(8)`."""

    def __init__(self, task_id: int, *, if_match: str | None = None) -> None:
        super().__init__("delete", if_match, id=ids.task(task_id))


class Assign(Operation):
    """Assigns a task to a user: `Assign(9, 1)`."""

    def __init__(self, task_id: int, user: int, *, if_match: str | None = None) -> None:
        super().__init__("assign", if_match, id=ids.task(task_id), user=ids.user(user))
