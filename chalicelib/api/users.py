"""/v1/users"""

from chalice.app import Blueprint, Request

from chalicelib import assignments, users
from chalicelib.api import pages
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import endpoint
from chalicelib.api.idempotency import Write
from chalicelib.api.preconditions import tagged
from chalicelib.api.schemas import Done, ListQuery, NewUser, TaskBody, TaskListQuery, UserBody
from chalicelib.api.throttling import PAGES, Throttle
from chalicelib.api.urls import located
from chalicelib.storage.records import User

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/users", role="reader", throttle=PAGES)
def list_users(request: Request, query: ListQuery) -> Answer[list[UserBody]]:
    return pages.respond(request, "users", query, users.page, UserBody.of)


@endpoint(blueprint, "GET", "/users/{user_id}", role="reader")
def get_user(user_id: int) -> Answer[UserBody | None]:
    user = users.get(user_id)
    return Answer(UserBody.of(user), tagged(users.VERSION)) if user else Answer(None)


@endpoint(blueprint, "POST", "/users", role="admin", status=201)
def create_user(request: Request, body: NewUser, write: Write) -> Answer[UserBody]:
    def made(user: User) -> Answer[UserBody]:
        headers = {**located(request, user.id), **tagged(users.VERSION)}
        return Answer(UserBody.of(user), headers)

    return write(lambda terms: users.create(body.username, terms), made)


# One who has many tasks takes many transactions.
@endpoint(
    blueprint, "DELETE", "/users/{user_id}", role="admin", throttle=Throttle(rate=10, burst=20)
)
def delete_user(user_id: int, write: Write) -> Answer[Done]:
    deleted = Answer(Done(detail=f"user {user_id} deleted"))
    return write(lambda terms: users.delete(user_id, terms), lambda _: deleted)


@endpoint(blueprint, "GET", "/users/{user_id}/tasks", role="reader", throttle=PAGES)
def list_tasks_of_user(
    request: Request, user_id: int, query: TaskListQuery
) -> Answer[list[TaskBody]]:
    return pages.respond(
        request,
        f"users/{user_id}/tasks",
        query,
        lambda paging: assignments.page(user_id, paging),
        TaskBody.of,
    )
