"""Run the deployed zips of Lambda functions in processes of this machine."""

import io
import json
import os
import platform
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

RUNTIME = Path(__file__).with_name("lambda_runtime.py")
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
PASSED_ON = ("PATH", "LANG", "TMPDIR")
OWN_CODE = ("app.py", "chalicelib/")


class FunctionError(Exception):
    """A function ended or raised an exception."""


class FunctionTimeout(Exception):
    """A function did not return in time."""


class Functions:
    """The processes of functions, one for each version of code and settings.

    Args:
        endpoint: the URL of the emulated AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        descriptor, name = tempfile.mkstemp(prefix="billet-functions-", suffix=".log")
        self.log = Path(name)
        """The file with what the functions print. It stays."""
        self._log = os.fdopen(descriptor, "wb")
        self._folder = tempfile.TemporaryDirectory(prefix="billet-functions-")
        self._unpacked: dict[str, tuple[Path, list[str]]] = {}
        """The folder and the Python of each zip, by its hash and what it is made for."""
        self._processes: dict[str, _Process] = {}
        self._lock = threading.Lock()

    def invoke(self, function: Any, event: Mapping[str, Any]) -> Any:
        """Call a function of moto and return its result.

        Raises:
            FunctionError: it failed.
            FunctionTimeout: it took longer than its time-out.
        """
        with self._lock:
            environment = self._environment(function)
            key = json.dumps([function.code_sha_256, function.handler, environment])
            process = self._processes.get(key)
            if process is None or process.ended:
                process = self._start(function, environment)
                self._processes[key] = process
        return process.call(event, float(function.timeout))

    def close(self) -> None:
        """Stop all processes and delete their code."""
        with self._lock:
            for process in self._processes.values():
                process.stop()
            self._folder.cleanup()
            self._log.close()

    def _environment(self, function: Any) -> dict[str, str]:
        """Return the environment variables that Lambda sets."""
        return {
            **function.environment_vars,
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_REGION": function.region,
        }

    def _start(self, function: Any, environment: Mapping[str, str]) -> "_Process":
        made_for = json.dumps([function.code_sha_256, function.run_time, function.architectures])
        if made_for not in self._unpacked:
            folder = Path(tempfile.mkdtemp(dir=self._folder.name))
            self._unpacked[made_for] = folder, _unpack(function, folder)
        folder, command = self._unpacked[made_for]
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        variables = {**passed_on, **environment, "PYTHONPATH": str(folder)}
        arguments = [*command, str(RUNTIME), function.handler, str(function.timeout)]
        return _Process(arguments, folder, variables, self._log)


def _unpack(function: Any, folder: Path) -> list[str]:
    """Unpack the zip, or the project's own code if the libraries are for another machine.

    Returns:
        The command of the Python that runs it.
    """
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    python = sys.executable if own == function.run_time else shutil.which(function.run_time)
    fits = function.architectures == [MACHINES.get(platform.machine().lower())]
    with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
        if python and fits:
            archive.extractall(folder)
            return [python, "-S"]
        target = f"{function.run_time} on {', '.join(function.architectures)}"
        click.echo(f"{function.function_name}: no {target} here: with this machine's libraries")
        archive.extractall(
            folder, [name for name in archive.namelist() if name.startswith(OWN_CODE)]
        )
    return [sys.executable]


class _Process:
    """A process that handles one event at a time."""

    def __init__(
        self, command: list[str], folder: Path, variables: Mapping[str, str], log: BinaryIO
    ) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def call(self, event: Mapping[str, Any], seconds: float) -> Any:
        assert self._process.stdin  # noqa: S101  # nosec B101
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(event).encode() + b"\n")
                self._process.stdin.flush()
            except OSError as error:
                raise FunctionError("the function has ended") from error
            reply = json.loads(self._read_line(time.monotonic() + seconds))
        if "error" in reply:
            raise FunctionError(reply["error"])
        return reply["result"]

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read_line(self, end: float) -> bytes:
        assert self._process.stdout  # noqa: S101  # nosec B101
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                if not selector.select(max(0.0, end - time.monotonic())):
                    self.stop()
                    raise FunctionTimeout
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    raise FunctionError("the function has ended")
                received += part
        return received
