"""Starting, stopping and killing `python -m billet serve` and its database."""

import fcntl
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from billet.cli import main
from billet.emulators import dynamodb_local
from billet.serve import run
from billet.serve.command import serve as serve_command
from billet.serve.databases import DATA_LOSS_WARNING
from billet.serve.listening import reserve_port
from chalicelib.services import tokens
from chalicelib.settings import Settings
from tests.support.servers import ROOT, Refuse, Serve, Served, run_serve

POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"


def create(served: Served, name: str) -> int:
    reply = served.request("POST", "/v1/tasks", json={"name": name})
    assert reply.status_code == 201
    ident: int = reply.json()["payload"]["id"]
    return ident


def names(served: Served) -> list[str]:
    return [task["name"] for task in served.request("GET", "/v1/tasks?order=asc").json()]


def assert_stops_cleanly(served: Served, how: signal.Signals) -> None:
    """Assert that a server with a database in memory stops cleanly on a signal."""
    assert served.stop(how) == 0
    assert "Database: in memory\n" in served.output
    pages = f"Board: {served.url}\nDocs: {served.url}/docs\n"
    assert f"{pages}Token: not needed (AUTH is off)\n{DATA_LOSS_WARNING}\n" in served.output
    assert "Traceback" not in served.output


def test_the_start_tells_how_to_make_a_token_where_one_is_needed(tmp_path: Path) -> None:
    lines = list(run._start_messages("http://localhost:3000", Settings(auth="on"), tmp_path))
    command = f"{run._billet_command(tmp_path)} token create --name me --role admin"
    assert lines[-1] == f"Make a token: {command}"


def test_in_memory_no_acknowledged_write_of_16_clients_is_lost_and_ctrl_c_stops_it_cleanly(
    serve: Serve,
) -> None:
    served = serve("--db", "memory")
    with ThreadPoolExecutor(16) as clients:
        ids = list(clients.map(lambda number: create(served, str(number)), range(96)))
    assert sorted(ids) == list(range(1, 97))
    listed = served.request("GET", "/v1/tasks?page_size=1000").json()
    assert {task["name"] for task in listed} == {str(number) for number in range(96)}
    assert_stops_cleanly(served, signal.SIGINT)


def database_of(served: Served) -> psutil.Process:
    children = psutil.Process(served.process.pid).children(recursive=True)
    [java] = [child for child in children if child.cmdline()[0].endswith("java")]
    return java


@pytest.mark.walk
@pytest.mark.usefixtures("startable")
def test_killed_databases_and_servers_keep_their_data_and_leave_no_process(
    serve: Serve, tmp_path: Path
) -> None:
    first = serve("--db", "local", "--data", str(tmp_path))
    assert str(tmp_path) in first.output
    create(first, "one")
    database = database_of(first)
    database.kill()
    database.wait(timeout=240)
    end = time.monotonic() + 120
    while first.request("GET", "/v1/health").status_code != 200:
        assert time.monotonic() < end, "the supervisor has not restarted the database"
    create(first, "two")
    database = database_of(first)
    first.stop(signal.SIGKILL)
    second = serve("--db", "local", "--data", str(tmp_path))
    database.wait(timeout=240)
    create(second, "three")
    assert names(second) == ["one", "two", "three"]
    database = database_of(second)
    assert second.stop() == 0
    database.wait(timeout=240)  # the supervisor does not restart it


def test_a_data_folder_in_use_is_a_one_line_error(
    refuse: Refuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_local, "LOCK_SECONDS", 0.0)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        error = refuse("--data", str(tmp_path))
    assert error == (
        f"Error: no DynamoDB Local: another server uses the data in {tmp_path}; "
        "stop that server, or choose another folder with --data or --db memory\n"
    )


@pytest.mark.walk
@pytest.mark.usefixtures("startable")
def test_a_database_whose_supervisor_and_server_are_killed_keeps_its_folder(
    serve: Serve, refuse: Refuse, tmp_path: Path
) -> None:
    served = serve("--db", "local", "--data", str(tmp_path))
    database = database_of(served)
    supervisor = database.parent()
    assert supervisor is not None
    supervisor.kill()
    served.stop(signal.SIGKILL)
    try:
        error = refuse("--data", str(tmp_path))
    finally:
        database.kill()
    assert error.startswith(f"Error: no DynamoDB Local: another server uses the data in {tmp_path}")


NOWHERE = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["--data", "one", "serve"], "one"),
        (["serve", "--data", "two"], "two"),
        (["--data", "one", "serve", "--data", "two"], "two"),
        (["serve"], ".billet"),
    ],
)
def test_the_data_folder_may_be_named_before_the_command(words: list[str], folder: str) -> None:
    group = main.make_context("billet", words)
    split = words.index("serve") + 1
    assert serve_command.make_context("serve", words[split:], group).params["data"] == Path(folder)


def test_a_port_in_use_is_a_one_line_error(refuse: Refuse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        error = refuse("--port", port, **NOWHERE)
    assert error == f"Error: port {port} is in use; choose another one with --port or PORT\n"


def test_a_metrics_port_in_use_is_a_one_line_error(refuse: Refuse) -> None:
    line = "Error: port {} is in use; choose another one with --metrics-port\n"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert refuse("--metrics-port", port, **NOWHERE) == line.format(port)
    with reserve_port("127.0.0.1", 0) as free:
        its_own = ("--port", str(free), "--metrics-port", str(free))
        assert refuse(*its_own, **NOWHERE) == line.format(free)


def test_an_unusable_certificate_is_a_one_line_error(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    ended = run_serve("--db", "memory", "--port", "0", "--tls-cert", key, "--tls-key", cert)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: {key} and {cert}: not a certificate and its key in PEM")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"LANES": "none"}, "Error: LANES: must be a whole number between 1 and 64\n"),
        ({"STAGE": "prod", "AUTH": "off"}, "Error: AUTH: can't be off in the stage prod\n"),
        (
            {"STAGE": "dev", "COGNITO_USER_POOL_ARN": POOL},
            "Error: COGNITO_USER_POOL_ARN: only API Gateway can check its tokens\n",
        ),
    ],
)
def test_an_invalid_configuration_is_a_one_line_error(
    refuse: Refuse, environ: dict[str, str], line: str
) -> None:
    assert refuse(**environ) == line


def test_an_unreachable_database_is_a_one_line_error() -> None:
    ended = run_serve("--port", "0", **NOWHERE)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: the database cannot be used: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.fixture
def reserved_port() -> Iterator[str]:
    """Yield a port on which nobody listens, and which no other process gets."""
    with reserve_port("127.0.0.1", 0) as port:
        yield str(port)


@pytest.mark.backend("moto")
def test_chalice_local_serves_it_and_requires_a_token(
    database: Settings, reserved_port: str
) -> None:
    # Python buffers its output because it is a pipe.
    environ = {**os.environ, "TABLE_PREFIX": database.prefix, "AUTH": "on", "PYTHONUNBUFFERED": "1"}
    secret, _ = tokens.issue("ci", "admin", None)
    chalice = str(Path(sys.executable).with_name("chalice"))
    local = ["local", "--stage", "local", "--port", reserved_port, "--no-autoreload"]
    with subprocess.Popen(
        [chalice, *local], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert any("Serving on" in line for line in process.stdout)
        url = f"http://127.0.0.1:{reserved_port}/v1/users"
        user = {"username": "john.doe"}
        assert httpx.post(url, json=user).status_code == 401
        assert httpx.post(url, json=user, headers=bearer("blt_wrong")).status_code == 403
        assert httpx.post(url, json=user, headers=bearer(secret)).status_code == 201
        found = httpx.get(url, headers=bearer(secret)).json()
        assert [user["username"] for user in found] == ["john.doe"]
        process.terminate()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def processes_of(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children(recursive=True)


def workers_of(served: Served) -> list[psutil.Process]:
    return [one for one in processes_of(served) if "spawn_main" in " ".join(one.cmdline())]


def test_a_killed_server_leaves_no_process(serve: Serve) -> None:
    served = serve("--db", "memory", "--workers", "2")
    left = processes_of(served)
    assert len(workers_of(served)) == 2
    served.stop(signal.SIGKILL)
    running = psutil.wait_procs(left, timeout=240)[1]
    # Where process 1 does not wait for orphans, as in a container, they stay as zombies.
    assert [one for one in running if one.status() != psutil.STATUS_ZOMBIE] == []


def test_a_killed_worker_is_replaced_and_sigterm_stops_it_cleanly(serve: Serve) -> None:
    served = serve("--db", "memory")
    [first] = workers_of(served)
    first.kill()
    first.wait(timeout=240)
    assert served.request("GET", "/v1/health").status_code == 200
    assert first.pid not in [one.pid for one in workers_of(served)]
    assert_stops_cleanly(served, signal.SIGTERM)


def test_a_request_in_flight_at_shutdown_is_finished(serve: Serve) -> None:
    served = serve("--db", "memory")
    address = urlsplit(served.url)
    body = json.dumps({"name": "x"}).encode()
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: [::1]\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head + body[:5])
        assert (
            served.request("GET", "/v1/health").status_code == 200
        )  # so the server has read the head
        served.process.terminate()
        assert "Stopping" not in served.output
        connection.sendall(body[5:])
        with connection.makefile("rb") as stream:
            assert stream.readline().split()[1] == b"201"
    assert served.stop() == 0


def certificate(folder: Path) -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    signed = made.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    return str(folder / "cert.pem"), str(folder / "key.pem")


def agreed_protocol(served: Served, cert: str) -> str | None:
    """Return what the server chooses for a client that prefers HTTP/2 (ALPN)."""
    context = ssl.create_default_context(cafile=cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(
            ("127.0.0.1", urlsplit(served.url).port), timeout=30
        ) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        return secured.selected_alpn_protocol()


def test_it_serves_tls_to_local_names_and_exports_metrics(
    serve: Serve, tmp_path: Path, reserved_port: str
) -> None:
    cert, key = certificate(tmp_path)
    options = ("--tls-cert", cert, "--tls-key", key, "--metrics-port", reserved_port)
    served = serve("--db", "memory", *options)
    assert served.url.startswith("https://localhost:")
    response = served.request("GET", "/v1/health")
    assert response.status_code == 200
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    for host, status in (("evil.example", 400), ("LOCALHOST:7", 200)):
        response = served.request("GET", "/v1/tasks", headers={"Host": host})
        assert response.status_code == status
    assert agreed_protocol(served, cert) in ("http/1.1", None)
    metrics = httpx.get(f"http://127.0.0.1:{reserved_port}/metrics", timeout=240)
    assert "granian_workers_spawns" in metrics.text
    health = 'billet_request_ms_count{route="GET /v1/health",status="2xx"} 1.0'
    assert health in metrics.text
    assert 'billet_request_client_errors_total{route="GET -"} 1.0' in metrics.text
    assert served.stop() == 0


def test_a_server_whose_worker_and_folder_of_metrics_are_gone_goes_on(
    serve: Serve, reserved_port: str
) -> None:
    served = serve("--db", "memory", "--metrics-port", reserved_port)
    [first] = workers_of(served)
    shutil.rmtree(first.environ()["PROMETHEUS_MULTIPROC_DIR"])
    assert served.request("GET", "/v1/health").status_code == 200  # may not be counted
    assert served.request("GET", "/v1/health").status_code == 200
    first.kill()
    first.wait(timeout=240)
    assert served.request("GET", "/v1/health").status_code == 200
    text = httpx.get(f"http://127.0.0.1:{reserved_port}/metrics", timeout=240).text
    assert 'billet_request_ms_count{route="GET /v1/health",status="2xx"}' in text
    assert text.count("billet_memory_mb{") == 1
    assert served.stop() == 0


def test_a_certificate_without_its_key_is_a_one_line_error(refuse: Refuse, tmp_path: Path) -> None:
    cert, _ = certificate(tmp_path)
    error = refuse("--tls-cert", cert)
    assert error == "Error: --tls-cert and --tls-key: give both or none\n"


@pytest.mark.walk
def test_it_writes_a_profile_of_its_workers_when_it_stops(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "profile.txt"
    served = serve("--db", "memory", "--profile", str(file))
    for _ in range(400):
        assert served.request("GET", "/v1/tasks").status_code == 200
    assert served.stop() == 0
    if "No profile: Error: Permission Denied" in served.output:
        pytest.skip("py-spy may not read other processes here")
    assert f"Profile: {file}\nStopping\n" in served.output
    assert "(chalicelib/dynamodb/client.py" in file.read_text()


def test_a_profile_of_an_unknown_format_is_a_usage_error() -> None:
    ended = run_serve("--profile", "profile.pdf")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == "Error: --profile: must end in .svg, .json or .txt"
