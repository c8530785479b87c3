"""/v1/tasks"""

from typing import Any

import pytest

from tests.conftest import Api, today

SAMPLE = {
    "name": "john.doe",
    "desc": "Generic description",
    "status": "PENDING",
    "expires_at": "2030-02-28",
}


def test_a_created_task_is_in_the_response_at_its_location_and_listed(api: Api) -> None:
    begun = today()
    created = api("POST", "/v1/tasks", SAMPLE)
    task = created.json_body["payload"]
    assert created.status_code == 201
    assert task["created_at"] in {begun, today()}
    generated = {name: task[name] for name in ("id", "created_at", "updated_at")}
    generated |= {"assignees": [], "etag": '"1"'}
    assert created.json_body == {
        "success": True,
        "detail": f"task {task['id']} created",
        "payload": SAMPLE | generated,
    }
    assert created.headers["Location"] == f"/v1/tasks/{task['id']}"
    assert api("GET", f"/v1/tasks/{task['id']}").json_body == task
    assert api("GET", "/v1/tasks").json_body == [task]


def test_only_the_name_of_a_task_is_required(api: Api) -> None:
    task = api("POST", "/v1/tasks", {"name": "plan"}).json_body["payload"]
    assert (task["desc"], task["status"], task["expires_at"]) == ("", "PENDING", None)


def test_get_of_a_missing_task_returns_null(api: Api) -> None:
    response = api("GET", "/v1/tasks/7")
    assert (response.status_code, response.body) == (200, b"null\n")


@pytest.fixture(params=["nobody's", "somebody's"])
def sample(request: pytest.FixtureRequest, api: Api, user: int) -> dict[str, Any]:
    """Create the sample task, unassigned or assigned to the user."""
    task: dict[str, Any] = api("POST", "/v1/tasks", SAMPLE).json_body["payload"]
    if request.param == "somebody's":
        api("PUT", f"/v1/tasks/{task['id']}/assign/user/{user}")
        task["assignees"] = [user]
    return task


@pytest.mark.parametrize(
    ("method", "body", "change"),
    [
        ("PUT", SAMPLE | {"status": "DONE", "desc": ""}, {"status": "DONE", "desc": ""}),
        ("PUT", SAMPLE | {"expires_at": None}, {"expires_at": None}),
        (
            "PUT",
            {"name": "plan", "desc": "é\n", "status": "CANCELLED"},
            {"name": "plan", "desc": "é\n", "status": "CANCELLED", "expires_at": None},
        ),
        ("PATCH", {"status": "IN_PROGRESS"}, {"status": "IN_PROGRESS"}),
        ("PATCH", {"expires_at": "2031-01-01"}, {"expires_at": "2031-01-01"}),
        ("PATCH", {"expires_at": None, "name": "plan"}, {"expires_at": None, "name": "plan"}),
        ("PATCH", {"desc": ""}, {"desc": ""}),
        ("PATCH", {}, {}),
    ],
)
def test_put_replaces_and_patch_updates_a_task(
    api: Api, user: int, sample: dict[str, Any], method: str, body: Any, change: dict[str, Any]
) -> None:
    response = api(method, f"/v1/tasks/{sample['id']}", body)
    version = {name: response.json_body["payload"][name] for name in ("updated_at", "etag")}
    task = sample | change | version
    detail = f"task {task['id']} updated"
    assert response.json_body == {"success": True, "detail": detail, "payload": task}
    assert response.status_code == 200
    assert api("GET", f"/v1/tasks/{task['id']}").json_body == task
    assert api("GET", f"/v1/users/{user}/tasks").json_body == ([task] if task["assignees"] else [])
    for status in ("PENDING", "IN_PROGRESS", "DONE", "CANCELLED"):
        listed = api("GET", f"/v1/tasks?status={status}").json_body
        assert listed == ([task] if status == task["status"] else [])


def test_a_deleted_task_is_in_no_list(api: Api, user: int, sample: dict[str, Any]) -> None:
    deleted = api("DELETE", f"/v1/tasks/{sample['id']}")
    assert deleted.json_body == {"success": True, "detail": f"task {sample['id']} deleted"}
    assert api("GET", f"/v1/tasks/{sample['id']}").json_body is None
    for path in ("/v1/tasks", "/v1/tasks?sort=expires_at", f"/v1/users/{user}/tasks"):
        assert api("GET", path).json_body == []


def test_writes_to_a_missing_task_are_rejected(api: Api, user: int) -> None:
    for method, path, body in (
        ("PUT", "/v1/tasks/7", SAMPLE),
        ("PATCH", "/v1/tasks/7", {"status": "DONE"}),
        ("DELETE", "/v1/tasks/7", b""),
        ("PUT", f"/v1/tasks/7/assign/user/{user}", b""),
        ("PUT", f"/v1/tasks/7/unassign/user/{user}", b""),
    ):
        response = api(method, path, body)
        assert response.status_code == 404, (method, path)
        assert response.json_body["detail"] == "task 7 does not exist"
    assert api("GET", "/v1/tasks").json_body == []
