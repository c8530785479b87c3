"""The tasks of a client."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, Unpack, get_args

import httpx
import msgspec

from billet_client import ids, responses
from billet_client.batch import Operation
from billet_client.calls import M, Page, Steps, call, listing
from billet_client.models import BatchResult, Status, Task, TaskChanges, TaskOptions, WholeTask
from billet_client.resource import Change, Part, change

Day = date | str
"""A date, or one as YYYY-MM-DD."""


class _Changed(msgspec.Struct):
    payload: Task


class _Done(msgspec.Struct):
    results: tuple[BatchResult, ...]


class Tasks(Part[M]):
    """The tasks: `client.tasks`.

    A write takes `idempotency_key`, by default a random one: the same key makes the change once.
    """

    @listing
    def list(
        self,
        *,
        status: Status | Iterable[Status] | None = None,
        due_after: Day | None = None,
        due_before: Day | None = None,
        created_after: Day | None = None,
        created_before: Day | None = None,
        user: int | None = None,
        unassigned: bool = False,
        sort: Literal["created_at", "expires_at"] | None = None,
        order: Literal["asc", "desc"] | None = None,
        page_size: int | None = None,
    ) -> Steps[Page[Task]]:
        """Return an iterator over tasks, which gets one page after the other.

        Args:
            status: one or several.
            due_after, due_before: the first and the last day of the deadline.
            created_after, created_before: the first and the last day of creation, in UTC.
            user: the id of a user, for only the tasks that are assigned to them.
            unassigned: whether to return only tasks without assignees.
            sort: by default created_at, or expires_at with due_after, due_before or unassigned.
            order: by default desc for created_at and asc for expires_at.
            page_size: the number of tasks to get in one request, 1 to 1000, by default 100.
        """
        return self._session.page(
            "/v1/tasks" if user is None else f"/v1/users/{ids.user(user)}/tasks",
            Task,
            {
                "status": None if status is None else _statuses(status),
                "due_after": due_after,
                "due_before": due_before,
                "created_after": created_after,
                "created_before": created_before,
                "unassigned": "true" if unassigned else None,
                "sort": sort,
                "order": order,
                "page_size": page_size,
            },
        )

    @call
    def get(self, task_id: int, *, if_none_match: str | None = None) -> Steps[Task]:
        """Return a task.

        Raises:
            NotFound: it does not exist.
            NotModified: its version is still the one in `if_none_match`.
        """
        return self._session.get_existing(
            _path(task_id), _found, f"task {task_id}", if_none_match=if_none_match
        )

    @call
    def create(
        self, name: str, *, idempotency_key: str | None = None, **options: Unpack[TaskOptions]
    ) -> Steps[Task]:
        """Create a task and return it."""
        body = {"name": name, **ids.checked(options)}
        return self._session.write(
            "POST", "/v1/tasks", _task, body=body, idempotency_key=idempotency_key
        )

    @call
    def update(
        self,
        task_id: int,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **changes: Unpack[TaskChanges],
    ) -> Steps[Task]:
        """Change some fields of a task and return it. `expires_at=None` removes the deadline.

        Raises:
            NotFound: the task does not exist.
            PreconditionFailed: its version is not the one in `if_match`.
        """
        return self._session.write(
            "PATCH",
            _path(task_id),
            _task,
            body=ids.checked(changes),
            if_match=if_match,
            idempotency_key=idempotency_key,
        )

    @call
    def replace(
        self,
        task_id: int,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **task: Unpack[WholeTask],
    ) -> Steps[Task]:
        """Replace all fields of a task and return it. Without `expires_at` it has no deadline.

        Raises:
            NotFound: the task does not exist.
            PreconditionFailed: its version is not the one in `if_match`.
        """
        return self._session.write(
            "PUT",
            _path(task_id),
            _task,
            body=ids.checked(task),
            if_match=if_match,
            idempotency_key=idempotency_key,
        )

    @call
    def delete(
        self, task_id: int, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> Steps[Change]:
        """Delete a task.

        Raises:
            NotFound: it does not exist.
            PreconditionFailed: its version is not the one in `if_match`.
        """
        return self._session.write(
            "DELETE", _path(task_id), change, if_match=if_match, idempotency_key=idempotency_key
        )

    @call
    def assign(
        self,
        task_id: int,
        user_id: int,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Change]:
        """Assign a task to a user.

        Raises:
            NotFound: the task or the user does not exist.
            Conflict: the task has as many assignees as it can have.
            PreconditionFailed: the version of the task is not the one in `if_match`.
        """
        path = f"{_path(task_id)}/assign/user/{ids.user(user_id)}"
        return self._session.write(
            "PUT", path, change, if_match=if_match, idempotency_key=idempotency_key
        )

    @call
    def unassign(
        self,
        task_id: int,
        user_id: int,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Change]:
        """Unassign a task from a user.

        Raises:
            NotFound: the task or the user does not exist.
            PreconditionFailed: the version of the task is not the one in `if_match`.
        """
        path = f"{_path(task_id)}/unassign/user/{ids.user(user_id)}"
        return self._session.write(
            "PUT", path, change, if_match=if_match, idempotency_key=idempotency_key
        )

    @call
    def batch(
        self,
        operations: Iterable[Operation],
        *,
        mode: Literal["all", "each"] = "all",
        idempotency_key: str | None = None,
    ) -> Steps[Sequence[BatchResult]]:
        """Carry out up to 50 operations, and return a result for each, in order.

        Args:
            mode: `all` carries out all of them or, if one fails, none; `each` carries out each by
                itself, and the result of one that fails has an `error`.

        Raises:
            ApiError: with mode `all`, the error of the operation that `field` names.
        """
        body = {"operations": [operation.body for operation in operations]}
        return self._session.write(
            "POST",
            "/v1/tasks/batch",
            _results,
            body=body,
            params={"mode": mode},
            idempotency_key=idempotency_key,
        )


def _statuses(status: Status | Iterable[Status]) -> str:
    """Return one or several statuses as a parameter.

    Raises:
        ValueError: one does not exist.
    """
    statuses = [status] if isinstance(status, str) else list(status)
    for one in statuses:
        if one not in get_args(Status):
            allowed = ", ".join(get_args(Status))
            raise ValueError(f"status must be one or several of {allowed}, not {one!r}")
    return ",".join(statuses)


def _path(task_id: int) -> str:
    return f"/v1/tasks/{ids.task(task_id)}"


def _found(response: httpx.Response) -> Task | None:
    return responses.body_or_null(response, Task)


def _task(response: httpx.Response) -> Task:
    return responses.body(response, _Changed).payload


def _results(response: httpx.Response) -> Sequence[BatchResult]:
    return responses.body(response, _Done).results
