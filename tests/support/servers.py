"""Servers for the tests: in this process, or with the `serve` command."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from billet.cli import main
from billet.serve.asgi import Application
from billet.serve.embedded import serving
from billet.serve.gateway import Gateway
from chalicelib.app_factory import BilletApp
from chalicelib.settings import Settings

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 120
"""For a busy machine; a server stops within a second."""
REQUEST_SECONDS = 60
"""Longer than a server takes at most."""


def run_serve(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m billet serve` until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "billet", "serve", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=240,
    )


@contextmanager
def zygote_process(module: str, endpoint: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a test module that forks for each line of its standard input, on a database."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, "AWS_ENDPOINT_URL_DYNAMODB": endpoint},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


Refuse = Callable[..., str]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Return a function that runs `billet serve` in this process until it fails.

    It returns the error. For errors that come before the database and the workers start.
    """

    def run(*arguments: str, **environ: str) -> str:
        with monkeypatch.context() as patched:
            patched.setenv("PORT", "0")
            for name, text in environ.items():
                patched.setenv(name, text)
            patched.setattr(signal, "signal", lambda *_: None)  # pytest's handlers stay
            ended = CliRunner().invoke(main, ["serve", *arguments])
        assert ended.exit_code == 1
        return ended.stderr

    return run


@pytest.fixture
def server(database: Settings, application: BilletApp) -> Iterator[str]:
    """Start a server in this process on fresh tables and return its address."""
    with serving(Application(Gateway(application))) as address:
        yield address


class ServerProcess:
    """`python -m billet serve` as a separate process.

    Args:
        root: the folder of the code that runs.
    """

    def __init__(self, root: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "billet", "serve", "--port", "0", *arguments],
            cwd=root,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self.url = self._url()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Read the log, which would fill the pipe."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line

    def _url(self) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            if found := re.search(r"Serving (https?://\S+);", line):
                return found[1]
        raise AssertionError(f"it did not serve: {self.output}")

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request. Waits for a worker, if none listens."""
        end = time.monotonic() + STOP_SECONDS
        transport = httpx.HTTPTransport(retries=3, verify=False)
        with httpx.Client(transport=transport, timeout=REQUEST_SECONDS) as client:
            while True:
                try:
                    return client.request(method, self.url + path, **more)
                except httpx.ConnectError:
                    if time.monotonic() > end:
                        raise

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        killer = threading.Timer(STOP_SECONDS, self.process.kill)
        killer.start()
        self._reader.join()
        with self.process:
            pass
        killer.cancel()
        return self.process.returncode


class Served(ServerProcess):
    """The present code, with one worker."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        super().__init__(ROOT, ["--workers", "1", *arguments], environ)


Serve = Callable[..., Served]


@pytest.fixture
def user_environment() -> dict[str, str]:
    """Return an environment without the variables that select a database."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts servers; stop those still running after the test."""
    started = []

    def start(*arguments: str, **environ: str) -> Served:
        started.append(Served(*arguments, **environ))
        return started[-1]

    yield start
    for served in started:
        if served.process.poll() is None:
            served.stop(signal.SIGKILL)
