"""The requests that are measured, each as one thing to do in a world."""

from billet.benchmark.invoke import call
from billet.benchmark.timing import Candidate

WHOLE = {
    "name": "Plan the work of week 00000001",
    "desc": "What is to be done.",
    "status": "PENDING",
}
TASK, USER = "/v1/tasks/{task_id}", "/v1/users/{user_id}"
_usernames = iter(range(1, 10**9))


def _new_task() -> int:
    ident: int = call("POST", "/v1/tasks", {"name": WHOLE["name"]})["payload"]["id"]
    return ident


def _new_user() -> int:
    ident: int = call("POST", "/v1/users", {"username": f"new{next(_usernames)}"})["id"]
    return ident


def _get(resource: str, **query: object) -> Candidate:
    return Candidate(lambda _: call("GET", resource, query=query))


def _assign_and_unassign(ids: dict[str, int]) -> None:
    call("PUT", f"{TASK}/assign/user/{{user_id}}", ids=ids)
    call("PUT", f"{TASK}/unassign/user/{{user_id}}", ids=ids)


def requests(held: int, free: int) -> dict[str, Candidate]:
    """Every endpoint, by name.

    Args:
        held: a task that somebody has.
        free: a task that nobody has.
    """
    theirs, nobodys = {"task_id": held}, {"task_id": free}
    return {
        "GET health": _get("/v1/health"),
        "GET task": Candidate(lambda _: call("GET", TASK, ids=nobodys)),
        "GET user": Candidate(lambda _: call("GET", USER, ids={"user_id": 1})),
        "GET tasks, 50": _get("/v1/tasks", page_size=50),
        "GET tasks, 100": _get("/v1/tasks"),
        "GET tasks of a status, 50": _get("/v1/tasks", page_size=50, status="PENDING"),
        "GET users, 50": _get("/v1/users", page_size=50),
        "GET a user's tasks, 50": Candidate(
            lambda _: call("GET", f"{USER}/tasks", ids={"user_id": 1}, query={"page_size": 50})
        ),
        "POST task": Candidate(lambda _: _new_task()),
        "POST user": Candidate(lambda _: _new_user()),
        "PUT task": Candidate(lambda _: call("PUT", TASK, WHOLE, nobodys)),
        "PUT task of a user": Candidate(lambda _: call("PUT", TASK, WHOLE, theirs)),
        "PATCH task": Candidate(lambda _: call("PATCH", TASK, {"desc": "Now."}, nobodys)),
        "DELETE task": Candidate(
            lambda ident: call("DELETE", TASK, ids={"task_id": ident}), _new_task
        ),
        "assign, unassign": Candidate(lambda _: _assign_and_unassign(nobodys | {"user_id": 2})),
        "DELETE user": Candidate(
            lambda ident: call("DELETE", USER, ids={"user_id": ident}), _new_user
        ),
    }
