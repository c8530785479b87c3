"""/v1/users"""

from functools import partial

from msgspec import UNSET

from chalicelib.domain.user import User
from chalicelib.http import pages
from chalicelib.http.conditional import etag_header
from chalicelib.http.endpoints import LIST_THROTTLE, Router, Throttle
from chalicelib.http.idempotency import WriteRequest
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import (
    ChangeBody,
    NewUser,
    TaskBody,
    TaskListQuery,
    UserBody,
    UserListQuery,
    UserPatch,
    require_same_id,
)
from chalicelib.http.urls import Urls
from chalicelib.services import assignments, users

router = Router()


@router.endpoint("GET", "/v1/users", role="reader", throttle=LIST_THROTTLE)
def list_users(urls: Urls, query: UserListQuery) -> ApiResponse[list[UserBody]]:
    """List users.

    Returns one page of all users, newest first by default. If there are more results, the response
    has a `Link` header with the URL of the next page. `username` returns the one user who has that
    name, or an empty list.
    """
    name = query.username
    read = users.page if name is None else lambda _: users.page_of_username(name)
    return pages.respond(urls, "users", query, read, UserBody.of)


@router.endpoint("GET", "/v1/users/{user_id}", role="reader")
def get_user(user_id: int) -> ApiResponse[UserBody | None]:
    """Get a user.

    Returns the user, or `null` if they do not exist.
    """
    user = users.get(user_id)
    if user is None:
        return ApiResponse(None)
    return ApiResponse(UserBody.of(user), etag_header(user.version))


@router.endpoint("POST", "/v1/users", role="admin", status=201)
def create_user(urls: Urls, body: NewUser, write: WriteRequest) -> ApiResponse[UserBody]:
    """Create a user.

    The username must be unique without regard to case; if it is taken, the response is a 409. The
    `Location` header is the path of the user.
    """

    def created(user: User) -> ApiResponse[UserBody]:
        headers = {**urls.location(user.id), **etag_header(user.version)}
        return ApiResponse(UserBody.of(user), headers)

    return write.run(partial(users.create, body.username), created)


@router.endpoint("PATCH", "/v1/users/{user_id}", role="admin")
def rename_user(user_id: int, body: UserPatch, write: WriteRequest) -> ApiResponse[UserBody]:
    """Rename a user.

    Changes the username; the tasks of the user stay. The name must be unique without regard to
    case; if it is taken, the response is a 409. A body without `username`, or with the current one,
    changes nothing, and the `ETag` stays the same.
    """
    require_same_id(user_id, body.id)
    username = None if body.username is UNSET else body.username

    def renamed(user: User) -> ApiResponse[UserBody]:
        return ApiResponse(UserBody.of(user), etag_header(user.version))

    return write.run(partial(users.rename, user_id, username), renamed)


# A user with many tasks takes many transactions.
@router.endpoint(
    "DELETE", "/v1/users/{user_id}", role="admin", throttle=Throttle(rate=10, burst=20)
)
def delete_user(user_id: int, write: WriteRequest) -> ApiResponse[ChangeBody]:
    """Delete a user.

    Deletes the user and removes them from the assignees of their tasks. The tasks stay. If the
    request ends with a 503, the user may be deleted in part: send it again to finish.
    """
    deleted = ApiResponse(ChangeBody(detail=f"user {user_id} deleted"))
    return write.run(partial(users.delete, user_id), lambda _: deleted)


@router.endpoint("GET", "/v1/users/{user_id}/tasks", role="reader", throttle=LIST_THROTTLE)
def list_tasks_of_user(
    urls: Urls, user_id: int, query: TaskListQuery
) -> ApiResponse[list[TaskBody]]:
    """List the tasks of a user.

    Returns one page of the tasks that are assigned to the user, in the same orders and with the
    same filters as `GET /v1/tasks`, but for `unassigned`. The response is a 404 if the user does
    not exist.
    """
    return pages.respond(
        urls,
        f"users/{user_id}/tasks",
        query,
        lambda paging: assignments.page(user_id, paging),
        TaskBody.of,
    )
