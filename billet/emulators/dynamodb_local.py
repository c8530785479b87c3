"""Run DynamoDB Local, AWS's emulator of DynamoDB in Java."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click

from billet.emulators import data_folder, downloads, supervisor
from billet.emulators.errors import DataFolderInUse, EmulatorError

START_SECONDS = 300.0
"""For a busy machine; a process that ends earlier is noticed at once."""
PROGRESS_SECONDS = 15.0
LOCK_SECONDS = 5.0
"""A folder is locked for a moment after its server was killed."""
MAX_PORTS = 5
PORT_IN_USE = "Address already in use"
LOOPBACK = "127.0.0.1"


@contextmanager
def run(data: Path | None = None) -> Iterator[str]:
    """Run DynamoDB Local on a free port within the block, and yield its URL.

    If its process ends, it is restarted. It never outlives this process.

    Args:
        data: the folder of its files; None: in memory.

    Raises:
        EmulatorError: it cannot be downloaded or started.
        DataFolderInUse: another server uses the folder.
    """
    bypass_proxies()
    with _locked(data) as lock:
        process, url = _start_supervised(data, lock)
        try:
            yield url
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the supervisor and the database, also one that a killed supervisor has left."""
    assert process.stdin  # noqa: S101  # nosec B101
    process.stdin.close()
    # While the supervisor is not reaped, no other group of processes has its id.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with suppress(ProcessLookupError, PermissionError):  # macOS: only the zombie is left
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()
    assert process.stdout  # noqa: S101  # nosec B101
    process.stdout.close()


def bypass_proxies() -> None:
    """Exclude this machine from the proxies in the environment."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        if LOOPBACK not in hosts:
            os.environ[name] = ",".join([*hosts, LOOPBACK])


def start_process(command: list[str], data: Path | None, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that runs DynamoDB Local, without output.

    Args:
        data: the folder of its files; None: in memory.
        options: arguments of Popen.
    """
    quiet = subprocess.DEVNULL
    folder = data or downloads.cache()  # DynamoDB Local writes a file into its working folder
    arguments: dict[str, Any] = {"stdout": quiet, "stderr": quiet, "cwd": folder, **options}
    process: subprocess.Popen[bytes] = subprocess.Popen(command, **arguments)  # noqa: S603
    return process


def java_command(port: int, data: Path | None) -> list[str]:
    """Return the command that runs DynamoDB Local on a port; download it if necessary.

    Raises:
        EmulatorError: it cannot be downloaded.
    """
    jar = downloads.dynamodb_local() / "DynamoDBLocal.jar"
    storage = ["-dbPath", str(data.absolute())] if data else ["-inMemory"]
    libraries = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
    options = ["-sharedDb", "-port", str(port), "-disableTelemetry", *storage]
    return [downloads.java(), libraries, "-jar", str(jar), *options]


def free_port() -> int:
    """Return a free port; another process may take it at any time."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def await_response(process: subprocess.Popen[bytes], url: str) -> None:
    """Wait until DynamoDB Local responds.

    Raises:
        EmulatorError: the process ends, or does not respond within START_SECONDS.
    """
    begin = reported = time.monotonic()
    while (now := time.monotonic()) < begin + START_SECONDS:
        if process.poll() is not None:
            raise EmulatorError(
                f"DynamoDB Local ended at once, with exit status {process.returncode}"
            )
        if _responds(url):
            return
        if now > reported + PROGRESS_SECONDS:
            reported = now
            click.echo(f"DynamoDB Local is still starting after {now - begin:.0f} s", err=True)
        time.sleep(0.05)
    raise EmulatorError(f"DynamoDB Local did not respond within {START_SECONDS:.0f} s")


@click.command()
def download_command() -> None:
    """Download DynamoDB Local, and Java if needed."""
    try:
        click.echo(f"Java: {downloads.java()}")
        click.echo(f"DynamoDB Local: {downloads.dynamodb_local()}")
    except EmulatorError as error:
        raise click.ClickException(str(error)) from error


def _start_supervised(
    data: Path | None, lock: IO[bytes] | None
) -> tuple[subprocess.Popen[bytes], str]:
    """Start it, on another port if another process took the first one in the meantime."""
    for _ in range(MAX_PORTS):
        port = free_port()
        url = f"http://{LOOPBACK}:{port}"
        process = start_process(
            [sys.executable, supervisor.__file__, *java_command(port, data)],
            data,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,  # the supervisor reports restarts there
            pass_fds=[lock.fileno()] if lock else [],  # the lock lasts as long as the database
            start_new_session=True,  # Ctrl-C must not reach it before the server has stopped
        )
        try:
            await_response(process, url)
        except EmulatorError as error:
            output = process.communicate()[0].decode(errors="replace")
            if PORT_IN_USE not in output:
                raise _explain(error, output) from error
            continue
        except BaseException:
            process.communicate()
            raise
        _restart_from_now_on(process)
        return process, url
    raise EmulatorError(f"{MAX_PORTS} free ports were taken before DynamoDB Local could use them")


def _restart_from_now_on(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin  # noqa: S101  # nosec B101
    process.stdin.write(b"started\n")
    process.stdin.flush()


def _explain(error: EmulatorError, output: str) -> EmulatorError:
    """Return the cause if a file of DynamoDB Local is broken, else the error with the output."""
    try:
        downloads.check_dynamodb_local()
    except EmulatorError as broken:
        return broken
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    return EmulatorError(f"{error}; its last line: {last.strip()}" if last else str(error))


def _responds(url: str) -> bool:
    """Return whether DynamoDB Local, and no other program, responds to an unsigned request."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=5)
    except urllib.error.HTTPError as response:
        with response:
            return b"dynamodb" in response.read(1000)
    except OSError:
        return False
    return False


@contextmanager
def _locked(data: Path | None) -> Iterator[IO[bytes] | None]:
    """Lock and check the folder within the block.

    Raises:
        DataFolderError: the folder cannot be used.
        DataFolderInUse: another server uses it.
    """
    if data is None:
        yield None
        return
    data_folder.create(data)
    with data_folder.open_for_writing(data, "lock") as lock:
        _await_lock(lock, data)
        data_folder.check(data)
        yield lock


def _await_lock(lock: IO[bytes], data: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise DataFolderInUse(f"another server uses the data in {data}") from error
            time.sleep(0.1)
        else:
            return
