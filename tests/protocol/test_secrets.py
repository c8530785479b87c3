"""No log level logs tokens or bodies, even if a request fails."""

import json
import logging
from collections.abc import Callable
from functools import partial

import pytest
from pynamodb.connection import Connection

from chalicelib.dynamodb import backoff, botocore_patches
from chalicelib.dynamodb.models import TaskModel
from chalicelib.http.json_log import JsonFormatter
from chalicelib.http.request_log import Line
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.injection import FAULTS, inject_fault

pytestmark = pytest.mark.backend("moto")

TOKEN, TEXT = "blt_s3cretT0ken", "s3cretText"
EVERYWHERE = {
    "Cookie": f"session={TEXT}",
    "Origin": f"https://{TEXT}.example",
    "Traceparent": f"00-{TEXT}",
    "User_Agent": TEXT,
    "X_Api_Key": TEXT,
    "X_Request_Id": f"{TEXT}!",
}


@pytest.fixture
def send(api: Api, database: Settings) -> Callable[..., int]:
    """Return a function that sends a request with secrets and returns the status."""
    return partial(status, api)


def status(api: Api, method: str, path: str, body: object = None, **more: str) -> int:
    raw = json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", **EVERYWHERE, **more}
    return api(method, path, raw, **headers).status_code


def send_failing_requests(
    send: Callable[..., int], limited: Api, connection: Connection
) -> list[int]:
    user, task = {"username": TEXT}, {"name": TEXT, "desc": TEXT}
    statuses = [
        send("POST", "/v1/users", user),
        send("POST", "/v1/users", user),
        send("POST", "/v1/tasks", task | {"status": TEXT}),
        send("POST", "/v1/tasks", [TEXT]),
        send("GET", f"/v1/tasks?cursor={TEXT}&status={TEXT}"),
        send("PUT", "/v1/tasks/1", task | {"status": "DONE"}),
        send("POST", "/v1/tasks", task, Idempotency_Key=TEXT),
        send("GET", "/v1/tasks/1", If_None_Match=f'"{TEXT}"'),
        send("GET", f"/v1/tasks/{TEXT}"),
        send("GET", f"/v1/tasks?{TEXT}=1"),
        send("POST", "/v1/tasks", task, Content_Type=TEXT),
        send("POST", "/v1/tasks", {"desc": TEXT * 30_000}),
    ]
    for fault in FAULTS:
        with inject_fault(connection, fault.handler, lasting=True):
            statuses += [send("POST", "/v1/users", user), send("POST", "/v1/tasks", task)]
    botocore_patches.table_of(TaskModel).put_item("7", attributes={"name": {"S": TEXT}})
    statuses.append(send("GET", "/v1/tasks/7"))
    statuses += [status(limited, "POST", "/v1/tasks", task) for _ in range(2)]
    return statuses


@pytest.mark.usefixtures("same_window")
def test_no_token_or_body_is_logged(
    send: Callable[..., int],
    api_with: Callable[..., Api],
    endpoint: str,
    connections: dict[str, Connection],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "chalicelib")
    monkeypatch.setattr(backoff, "LONGEST", 0)
    limited = api_with(rate_quota=1)
    statuses = send_failing_requests(send, limited, connections[endpoint])
    assert set(statuses) == {200, 201, 400, 404, 409, 413, 415, 429, 500, 503}
    lines = [one.msg for one in caplog.records if isinstance(one.msg, Line)]
    assert [one.status for one in lines] == statuses
    logged = "\n".join(map(JsonFormatter().format, caplog.records)) + caplog.text
    assert "Traceback" in logged
    assert TOKEN not in logged
    assert TEXT not in logged
