"""A database moves to another one with `billet export` and `billet import`, as an operator does it.

TRANSFER_TASKS=20000 moves more tasks than the default.
"""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket

import pytest
from click.testing import CliRunner

from billet.cli.seed import seed
from billet.integrity import findings
from billet.serve.listening import reserve_port
from chalicelib.dynamodb import client
from chalicelib.dynamodb.models import TaskModel
from chalicelib.settings import Settings
from tests.conftest import delete_tables
from tests.faults.proxy import Ask, Proxy, relay, silent
from tests.support.tables import make_tables

pytestmark = [pytest.mark.walk, pytest.mark.timeout(3600)]

TASKS = int(os.environ.get("TRANSFER_TASKS", "1000"))
MAX_MEGABYTES = 120
"""Python with the libraries takes half of it; the rest must not grow with the number of tasks."""
DEADLINE_SECONDS = 300.0
MEASURED = (
    "import resource, subprocess, sys; status = subprocess.call(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(status)"
)
"""Runs a command and prints its peak of memory in KB. A small process does it, because a new
process counts the memory of the one that it is a fork of."""


@dataclass
class Database:
    """The tables of one prefix at one endpoint."""

    endpoint: str
    settings: Settings

    def bind(self) -> None:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = self.endpoint
        client.bind(self.settings)

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "TABLE_PREFIX": self.settings.prefix,
            "LANES": str(self.settings.lanes),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command on this database."""
        command = [sys.executable, "-m", "billet", *arguments]
        return subprocess.Popen(command, env=self.environment())

    def run(self, *arguments: str) -> None:
        """Run a command that must succeed in little memory."""
        command = [sys.executable, "-c", MEASURED, sys.executable, "-m", "billet", *arguments]
        ran = subprocess.run(
            command, env=self.environment(), stdout=subprocess.PIPE, check=True, timeout=3600
        )
        assert int(ran.stdout.split()[-1]) / 1024 < MAX_MEGABYTES


@contextmanager
def made(endpoint: str, lanes: int) -> Iterator[Database]:
    database = Database(
        endpoint, Settings(table_prefix=f"walk-{uuid.uuid4().hex[:12]}", lanes=lanes)
    )
    database.bind()
    make_tables()
    yield database
    database.bind()
    delete_tables()


@pytest.fixture
def source(dynamodb_local_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Yield a database with sample data."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_local_endpoint)
    with made(dynamodb_local_endpoint, lanes=1) as database:
        options = ["--users", str(TASKS // 10), "--tasks", str(TASKS), "--seed", "1", "--yes"]
        assert CliRunner().invoke(seed, options).exit_code == 0
        yield database


@pytest.fixture
def target(source: Database) -> Iterator[Database]:
    """Yield an empty database with four lanes."""
    with made(source.endpoint, lanes=4) as database:
        yield database


def test_a_move_that_was_killed_goes_on_and_ends_with_the_same_data(
    source: Database, target: Database, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.jsonl.gz", tmp_path / "other.jsonl.gz"
    source.run("export", str(one))
    target.bind()
    kill_when_some_tasks_are_there(target, "import", str(one))
    assert list(TaskModel.scan(limit=1))
    assert not list(findings())
    target.run("import", str(one))
    target.run("export", str(other))
    assert one.read_bytes() == other.read_bytes()
    assert not list(findings())


class OneTransaction:
    """Lets one transaction of tasks through, and does not respond to those after it.

    Args:
        table: the name of the table of tasks.
    """

    def __init__(self, table: str) -> None:
        self.waits = threading.Event()
        """Whether one is done, and the next one waits."""
        self._table = f'"{table}"'.encode()
        self._one_by_one = threading.Lock()
        self._done = False

    def __call__(self, ask: Ask, connection: socket) -> None:
        request = ask.args[0]
        if b"TransactWriteItems" not in request or self._table not in request:
            return relay(ask, connection)
        with self._one_by_one:
            if not self._done:
                self._done = True
                return relay(ask, connection)
        self.waits.set()
        return silent(ask, connection)


def kill_when_some_tasks_are_there(database: Database, *arguments: str) -> None:
    """Run a command, and kill it when it has committed one of its transactions of tasks."""
    way = OneTransaction(f"{database.settings.prefix}-tasks")
    with reserve_port("127.0.0.1", 0) as port:
        proxy = Proxy(database.endpoint, port)
        proxy.way = way
        with proxy.open(), replace(database, endpoint=proxy.url).start(*arguments) as process:
            waits = way.waits.wait(DEADLINE_SECONDS)
            process.send_signal(signal.SIGKILL)
    assert waits
    assert process.returncode == -signal.SIGKILL
