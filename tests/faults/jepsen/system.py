"""The API and its database as processes that can be stopped, killed and restarted."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from billet.emulators import dynamodb_local

ROOT = Path(__file__).parents[3]
SERVE = ("-m", "billet")
BROKEN_SERVE = (str(Path(__file__).with_name("broken_billet.py")),)
END_SECONDS = 60
INSTANT = 0.5
"""Seconds before a stop in which DynamoDB Local may lose acknowledged writes."""


class System:
    """The API and the database on fixed ports. `up` is set unless a fault stopped one of them.

    The database is stopped by SIGTERM only: killed with SIGKILL, DynamoDB Local itself often loses
    the last transaction that it acknowledged. SIGTERM on a busy machine can lose it too, so the
    period before each stop is recorded in `last_instants`.

    Args:
        data: the folder of the database files; None keeps the data in memory.
        serve: the Python arguments that run the API.
    """

    def __init__(self, data: Path | None, serve: Sequence[str]) -> None:
        self._data, self._serve = data, serve
        self._database_port = dynamodb_local.free_port()
        self.port = dynamodb_local.free_port()
        self.environ = {
            **os.environ,
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{self._database_port}",
            "PYTHONPATH": str(ROOT),
            "LOG_LEVEL": "ERROR",
        }
        self.up = threading.Event()
        self.last_instants: list[tuple[float, float]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        self._start_database()
        try:
            self._start_api()
            try:
                self.up.set()
                yield
            finally:
                self._end(self._api, signal.SIGKILL)
        finally:
            self._end(self._database, signal.SIGTERM)

    def kill_api(self) -> None:
        self.up.clear()
        self._end(self._api, signal.SIGKILL)
        self._start_api()
        self.up.set()

    def stop_database(self) -> None:
        self.up.clear()
        begin = time.monotonic() - INSTANT
        self._end(self._database, signal.SIGTERM)
        self.last_instants.append((begin, time.monotonic()))
        self._start_database()
        self.up.set()

    def doctor(self) -> str:
        """Return the output of `billet doctor`."""
        command = [sys.executable, "-m", "billet", "doctor"]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=300
        )
        return done.stdout + done.stderr

    def _start_database(self) -> None:
        port = self._database_port
        command = dynamodb_local.java_command(port, self._data)
        self._database = dynamodb_local.start_process(command, self._data)
        dynamodb_local.await_response(self._database, f"http://127.0.0.1:{port}")

    def _start_api(self) -> None:
        self._api = subprocess.Popen(
            [sys.executable, *self._serve, "serve", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._api.stdout
        assert any(b"Serving" in line for line in self._api.stdout)

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
        process.send_signal(how)
        process.communicate(timeout=END_SECONDS)
