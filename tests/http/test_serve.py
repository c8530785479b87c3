"""Starting, stopping and killing `python -m billet serve` and its database."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from billet.serve.databases import LOST
from chalicelib import tokens

ROOT = Path(__file__).parents[2]
POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"


def create(served, name: str) -> int:
    reply = served.request("POST", "/v1/tasks", json={"name": name})
    assert reply.status_code == 201
    return reply.json()["payload"]["id"]


def names(served) -> list[str]:
    return [task["name"] for task in served.request("GET", "/v1/tasks?order=asc").json()]


def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "billet", "serve", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_told_to(serve, how):
    served = serve("--db", "memory")
    create(served, "x")
    assert served.stop(how) == 0
    assert "Database: in memory\n" in served.said
    assert f"Token: not needed (AUTH is off)\n{LOST}\n" in served.said
    assert "Traceback" not in served.said


def test_in_memory_nothing_that_16_clients_were_told_is_lost(serve):
    served = serve("--db", "memory")
    with ThreadPoolExecutor(16) as clients:
        ids = list(clients.map(lambda number: create(served, str(number)), range(96)))
    assert sorted(ids) == list(range(1, 97))
    listed = served.request("GET", "/v1/tasks?page_size=1000").json()
    assert {task["name"] for task in listed} == {str(number) for number in range(96)}


def database_of(served) -> psutil.Process:
    children = psutil.Process(served.process.pid).children(recursive=True)
    [java] = [child for child in children if child.cmdline()[0].endswith("java")]
    return java


@pytest.mark.usefixtures("startable")
def test_a_killed_server_leaves_its_data_and_no_database_behind(serve, tmp_path):
    first = serve("--db", "local", "--data", str(tmp_path))
    assert str(tmp_path) in first.said
    create(first, "one")
    database = database_of(first)
    first.stop(signal.SIGKILL)
    second = serve("--db", "local", "--data", str(tmp_path))
    database.wait(timeout=20)
    create(second, "two")
    assert names(second) == ["one", "two"]


@pytest.mark.usefixtures("startable")
def test_a_killed_database_is_started_again_and_a_stopped_one_left_to_the_next_server(
    serve, tmp_path
):
    first = serve("--db", "local", "--data", str(tmp_path))
    create(first, "one")
    refused = run("--data", str(tmp_path), "--port", "0")
    assert (refused.returncode, refused.stderr) == (
        1,
        f"Error: no DynamoDB Local: another server uses the data in {tmp_path}; "
        "stop that server, or choose another folder with --data or --db memory\n",
    )
    database = database_of(first)
    database.kill()
    database.wait(timeout=20)
    for _ in range(100):
        if first.request("GET", "/v1/health").status_code == 200:
            break
    create(first, "two")
    assert first.stop() == 0
    assert names(serve("--db", "local", "--data", str(tmp_path))) == ["one", "two"]


def test_a_port_in_use_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("--db", "memory", "--port", port)
    assert ended.returncode == 1
    assert ended.stderr == f"Error: port {port} is in use; choose another one with --port or PORT\n"


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"LANES": "none"}, "Error: LANES: Expected `int`, got `str`\n"),
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}, "Error: the tables can't be made: "),
        ({"STAGE": "prod", "AUTH": "off"}, "Error: AUTH: can't be off in the stage prod\n"),
        (
            {"STAGE": "dev", "COGNITO_USER_POOL_ARN": POOL},
            "Error: COGNITO_USER_POOL_ARN: only API Gateway can check its tokens\n",
        ),
    ],
)
def test_what_can_not_work_is_one_clear_line(environ, line):
    ended = run("--port", "0", **environ)
    assert ended.returncode == 1
    assert ended.stderr.startswith(line)
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("backend", ["moto"])
def test_chalice_local_serves_it_too_and_nobody_without_a_token(database):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    # Its output is a pipe, into which Python writes only when much has come together.
    environ = {**os.environ, "TABLE_PREFIX": database.prefix, "AUTH": "on", "PYTHONUNBUFFERED": "1"}
    secret, _ = tokens.issue("ci", "admin", None)
    chalice = shutil.which("chalice", path=Path(sys.executable).parent)
    local = ["local", "--stage", "local", "--port", port, "--no-autoreload"]
    with subprocess.Popen(
        [chalice, *local], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert any("Serving on" in line for line in process.stdout)
        url = f"http://127.0.0.1:{port}/v1/users"
        user = {"username": "john.doe"}
        assert httpx.post(url, json=user).status_code == 401
        assert httpx.post(url, json=user, headers=bearer("blt_wrong")).status_code == 403
        assert httpx.post(url, json=user, headers=bearer(secret)).status_code == 201
        found = httpx.get(url, headers=bearer(secret)).json()
        assert [user["username"] for user in found] == ["john.doe"]
        process.terminate()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
