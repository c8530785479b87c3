"""DynamoDB Local: AWS's own emulator, in Java, from the npm package in which AWS ships it."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from billet import supervise

NPM_PACKAGE = "amplify-dynamodb-simulator@2.9.30"
FIRST_JAVA = 11
START_SECONDS = 30.0
FETCH_SECONDS = 120.0
LOCK_SECONDS = 5.0


class Unusable(Exception):
    """DynamoDB Local can't be had here; the text says why."""


def cache() -> Path:
    """The folder outside the repository that holds the jar."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "billet-tasks" / NPM_PACKAGE


def fetch() -> Path:
    """The folder with DynamoDBLocal.jar; fetches it where it is not there yet.

    Raises:
        Unusable: there is no npm, or the package can't be fetched.
    """
    folder = cache()
    if not (folder / "DynamoDBLocal.jar").exists():
        if shutil.which("npm") is None:
            raise Unusable("npm is not installed, which fetches it")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            _unpack(Path(scratch), folder)
    return folder


def java() -> str:
    """The path of a java that is new enough; raises Unusable where there is none."""
    found = shutil.which("java")
    if found is None:
        raise Unusable("java is not installed")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r'version "(\d+)', said.stderr)
    if version is None or int(version[1]) < FIRST_JAVA:
        raise Unusable(f"java is older than {FIRST_JAVA}")
    return found


@contextmanager
def running(data: Path | None = None) -> Iterator[str]:
    """Runs it on a free port, with its data in a folder or in memory; gives its URL.

    It ends with this process, however that ends, and is started again should it end before.

    Raises:
        Unusable: it can't be fetched or started, or another process uses the folder.
    """
    with _locked(data) as lock:
        port = free_port()
        process = start(
            [sys.executable, supervise.__file__, *command(port, data)],
            data,
            stdin=subprocess.PIPE,
            pass_fds=[lock.fileno()] if lock else [],  # held for as long as the database runs
            start_new_session=True,  # Ctrl-C is for the server, which then ends it
        )
        try:
            await_answer(process, f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.communicate()


def start(words: list[str], data: Path | None, **more: Any) -> subprocess.Popen[bytes]:
    """Starts a command that runs it, and keeps it silent.

    Args:
        data: the folder of the command's data; None: in memory.
        more: for Popen.
    """
    quiet = subprocess.DEVNULL
    where = data or cache()  # it writes a file about itself to wherever it is started
    process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
        words, stdout=quiet, stderr=quiet, cwd=where, **more
    )
    return process


def command(port: int, data: Path | None) -> list[str]:
    """The command that runs it on a port; raises Unusable where it can't be had."""
    engine = java()
    jar = fetch() / "DynamoDBLocal.jar"
    where = ["-dbPath", str(data.absolute())] if data else ["-inMemory"]
    libraries = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
    options = ["-sharedDb", "-port", str(port), "-disableTelemetry", *where]
    return [engine, libraries, "-jar", str(jar), *options]


@contextmanager
def _locked(data: Path | None) -> Iterator[IO[bytes] | None]:
    """Makes the folder this process's own; it is free again soon after a server was killed."""
    if data is None:
        yield None
        return
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("wb") as lock:
        _await_lock(lock, data)
        yield lock


def _await_lock(lock: IO[bytes], data: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise Unusable(f"another server uses the data in {data}") from error
            time.sleep(0.1)
        else:
            return


@click.command()
def fetch_command() -> None:
    """Fetches DynamoDB Local into the cache folder."""
    try:
        click.echo(f"DynamoDB Local is in {fetch()}")
    except Unusable as error:
        raise click.ClickException(str(error)) from error


def _unpack(scratch: Path, folder: Path) -> None:
    try:
        packed = subprocess.run(  # noqa: S603
            ["npm", "pack", "--silent", NPM_PACKAGE],  # noqa: S607
            cwd=scratch,
            capture_output=True,
            text=True,
            check=True,
            timeout=FETCH_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"npm could not fetch {NPM_PACKAGE}") from error
    with tarfile.open(scratch / packed.stdout.strip()) as archive:
        archive.extractall(scratch, filter="data")
    if not folder.exists():  # another process may have been quicker
        (scratch / "package" / "emulator").rename(folder)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_answer(process: subprocess.Popen[bytes], url: str) -> None:
    """Waits until it answers; raises Unusable where it ends before, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unusable(f"DynamoDB Local ended at once, with exit status {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1)  # noqa: S310  # nosec B310
        except urllib.error.HTTPError:
            return  # an unsigned request is refused: it answers
        except OSError:
            time.sleep(0.05)
    raise Unusable(f"DynamoDB Local did not answer within {START_SECONDS:.0f} s")
