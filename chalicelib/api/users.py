"""/v1/users"""

from chalice.app import Blueprint, Request, Response

from chalicelib import assignments, users
from chalicelib.api import pages
from chalicelib.api.endpoint import answer, created, endpoint
from chalicelib.api.schemas import Done, ListQuery, NewUser, TaskBody, TaskListQuery, UserBody

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/users")
def list_users(query: ListQuery) -> Response:
    return pages.respond("users", query, users.page, UserBody.of)


@endpoint(blueprint, "GET", "/users/{user_id}")
def get_user(user_id: int) -> Response:
    user = users.get(user_id)
    return answer(UserBody.of(user) if user else None)


@endpoint(blueprint, "POST", "/users")
def create_user(request: Request, body: NewUser) -> Response:
    user = users.create(body.username.strip())
    return created(request, user.id, UserBody.of(user))


@endpoint(blueprint, "DELETE", "/users/{user_id}")
def delete_user(user_id: int) -> Response:
    users.delete(user_id)
    return answer(Done(detail=f"user {user_id} deleted"))


@endpoint(blueprint, "GET", "/users/{user_id}/tasks")
def list_tasks_of_user(user_id: int, query: TaskListQuery) -> Response:
    return pages.respond(
        f"users/{user_id}/tasks",
        query,
        lambda paging: assignments.page(user_id, paging),
        TaskBody.of,
    )
