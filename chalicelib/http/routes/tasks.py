"""/v1/tasks"""

from functools import partial

from chalicelib.http import batches, pages
from chalicelib.http.conditional import etag_header
from chalicelib.http.endpoints import LIST_THROTTLE, Router, Throttle
from chalicelib.http.idempotency import WriteRequest
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import (
    AllTasksQuery,
    Batch,
    BatchBody,
    BatchQuery,
    ChangeBody,
    NewTask,
    TaskBody,
    TaskChangeBody,
    TaskPatch,
    WholeTask,
    require_same_id,
)
from chalicelib.http.urls import Urls
from chalicelib.services import assignments, tasks
from chalicelib.services.optimistic import TaskChange

router = Router()


@router.endpoint("GET", "/v1/tasks", role="reader", throttle=LIST_THROTTLE)
def list_tasks(urls: Urls, query: AllTasksQuery) -> ApiResponse[list[TaskBody]]:
    """List tasks.

    Returns one page of all tasks, newest first by default. `sort=expires_at` puts the most urgent
    task first. `due_after`, `due_before` and `unassigned` can be combined with each other,
    `created_after` and `created_before` with each other, and `status` with all of them; any other
    combination is a 400. If there are more results, the response has a `Link` header with the URL
    of the next page.
    """
    return pages.respond(urls, "tasks", query, tasks.page, TaskBody.of)


@router.endpoint("GET", "/v1/tasks/{task_id}", role="reader")
def get_task(task_id: int) -> ApiResponse[TaskBody | None]:
    """Get a task.

    Returns the task, or `null` if it does not exist. The `ETag` header is the version of the task:
    send it in `If-None-Match` to get a 304 while the task is unchanged, or in `If-Match` to change
    only this version.
    """
    task = tasks.get(task_id)
    if task is None:
        return ApiResponse(None)
    body = TaskBody.of(task)
    return ApiResponse(body, {"ETag": body.etag})


@router.endpoint("POST", "/v1/tasks", role="editor", status=201)
def create_task(urls: Urls, body: NewTask, write: WriteRequest) -> ApiResponse[TaskChangeBody]:
    """Create a task.

    Only `name` is required. `assignees` assigns the task; a user who does not exist is a 404. The
    `Location` header is the path of the task. To retry a request safely, send an `Idempotency-Key`.
    """

    def created(change: TaskChange) -> ApiResponse[TaskChangeBody]:
        body = TaskBody.of(change.task)
        done = TaskChangeBody(detail=f"task {body.id} created", payload=body)
        return ApiResponse(done, {**urls.location(body.id), "ETag": body.etag})

    return write.run(partial(tasks.create, body.fields()), created)


# One request may write a hundred items.
@router.endpoint("POST", "/v1/tasks/batch", role="editor", throttle=Throttle(rate=10, burst=20))
def change_tasks(query: BatchQuery, body: Batch, write: WriteRequest) -> ApiResponse[BatchBody]:
    """Create, update, delete and assign several tasks.

    Carries out up to 50 operations, each on another task. By default all of them succeed or nothing
    changes, and the detail of an error begins with the operation: `operations[1].task.name: …`.
    With `mode=each` each operation succeeds or fails by itself, and has a status of its own in
    `results`. One `Idempotency-Key` is for the whole request; in `mode=each` a repeat carries out
    the operations that failed.
    """
    run = batches.run_all if query.mode == "all" else batches.run_each
    return run(body.operations, write)


@router.endpoint("PUT", "/v1/tasks/{task_id}", role="editor")
def replace_task(task_id: int, body: WholeTask, write: WriteRequest) -> ApiResponse[TaskChangeBody]:
    """Replace a task.

    Replaces name, desc, status and expires_at. Without `expires_at` the task has no deadline
    afterwards. `assignees` sets the assignees; without it they stay the same.
    """
    require_same_id(task_id, body.id)
    return write.run(partial(tasks.update, task_id, body.update()), _updated)


@router.endpoint("PATCH", "/v1/tasks/{task_id}", role="editor")
def patch_task(task_id: int, body: TaskPatch, write: WriteRequest) -> ApiResponse[TaskChangeBody]:
    """Update a task.

    Changes only the fields in the body. `"expires_at": null` removes the deadline. `assignees`
    sets all assignees. A body without such fields changes nothing, and the `ETag` stays the same.
    """
    require_same_id(task_id, body.id)
    return write.run(partial(tasks.update, task_id, body.update()), _updated)


@router.endpoint("DELETE", "/v1/tasks/{task_id}", role="editor")
def delete_task(task_id: int, write: WriteRequest) -> ApiResponse[ChangeBody]:
    """Delete a task.

    Deletes the task and removes it from the lists of its assignees.
    """
    deleted = ApiResponse(ChangeBody(detail=f"task {task_id} deleted"))
    return write.run(partial(tasks.delete, task_id), lambda _: deleted)


@router.endpoint("PUT", "/v1/tasks/{task_id}/assign/user/{user_id}", role="editor")
def assign_task(task_id: int, user_id: int, write: WriteRequest) -> ApiResponse[ChangeBody]:
    """Assign a task to a user.

    Adds the user to the assignees of the task. A task has up to 50 assignees. If the user is an
    assignee already, the request succeeds and changes nothing.
    """

    def assigned(change: TaskChange) -> ApiResponse[ChangeBody]:
        how = "assigned to" if change.changed else "was already assigned to"
        return _done(change, f"task {task_id} {how} user {user_id}")

    return write.run(partial(assignments.assign, task_id, user_id), assigned)


@router.endpoint("PUT", "/v1/tasks/{task_id}/unassign/user/{user_id}", role="editor")
def unassign_task(task_id: int, user_id: int, write: WriteRequest) -> ApiResponse[ChangeBody]:
    """Unassign a task from a user.

    Removes the user from the assignees of the task. If the user is not an assignee, the request
    succeeds and changes nothing.
    """

    def unassigned(change: TaskChange) -> ApiResponse[ChangeBody]:
        how = "unassigned from" if change.changed else "was not assigned to"
        return _done(change, f"task {task_id} {how} user {user_id}")

    return write.run(partial(assignments.unassign, task_id, user_id), unassigned)


def _updated(change: TaskChange) -> ApiResponse[TaskChangeBody]:
    body = TaskBody.of(change.task)
    done = TaskChangeBody(detail=f"task {body.id} updated", payload=body)
    return ApiResponse(done, {"ETag": body.etag})


def _done(change: TaskChange, detail: str) -> ApiResponse[ChangeBody]:
    task = change.task
    return ApiResponse(ChangeBody(detail=detail), etag_header(task.version, task.hidden_assignees))
