"""DynamoDB Local: AWS's own emulator, in Java, from the npm package in which AWS ships it."""

import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from billet.emulators import data_folder, downloads, supervise
from billet.emulators.downloads import Unusable as Unusable

START_SECONDS = 300.0
"""A busy machine takes its time; a process that ends before is noticed at once."""
NEWS_SECONDS = 15.0
LOCK_SECONDS = 5.0
PORTS_TRIED = 5
PORT_TAKEN = "Address already in use"
LOOPBACK = "127.0.0.1"


class InUse(Unusable):
    """Another server uses the folder."""


@contextmanager
def running(data: Path | None = None) -> Iterator[str]:
    """Run it on a free port, with its data in a folder or in memory; yield its URL.

    It ends with this process, however that ends, and is started again should it end before.

    Raises:
        Unusable: it can't be fetched or started, or another process uses the folder.
    """
    bypass_proxies()
    with _locked(data) as lock:
        process, url = _started(data, lock)
        try:
            yield url
        finally:
            process.communicate()


def bypass_proxies() -> None:
    """Keep a proxy of the environment out of what is said to this machine itself."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        if LOOPBACK not in hosts:
            os.environ[name] = ",".join([*hosts, LOOPBACK])


def start(words: list[str], data: Path | None, **more: Any) -> subprocess.Popen[bytes]:
    """Start a command that runs it, and keep it silent.

    Args:
        data: the folder of the command's data; None: in memory.
        more: for Popen.
    """
    quiet = subprocess.DEVNULL
    where = data or downloads.cache()  # it writes a file about itself to wherever it is started
    options: dict[str, Any] = {"stdout": quiet, "stderr": quiet, "cwd": where, **more}
    process: subprocess.Popen[bytes] = subprocess.Popen(words, **options)  # noqa: S603
    return process


def command(port: int, data: Path | None) -> list[str]:
    """Return the command that runs it on a port; raises Unusable if it cannot be had."""
    jar = downloads.dynamodb_local() / "DynamoDBLocal.jar"
    where = ["-dbPath", str(data.absolute())] if data else ["-inMemory"]
    libraries = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
    options = ["-sharedDb", "-port", str(port), "-disableTelemetry", *where]
    return [downloads.java(), libraries, "-jar", str(jar), *options]


def free_port() -> int:
    """Return a port that nobody listens on; another process may take it at any time."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def await_answer(process: subprocess.Popen[bytes], url: str) -> None:
    """Wait until it answers, for as long as its process lives.

    Raises:
        Unusable: it ended before, or did not answer within START_SECONDS.
    """
    begin = told = time.monotonic()
    while (now := time.monotonic()) < begin + START_SECONDS:
        if process.poll() is not None:
            raise Unusable(f"DynamoDB Local ended at once, with exit status {process.returncode}")
        if _answers(url):
            return
        if now > told + NEWS_SECONDS:
            told = now
            click.echo(f"DynamoDB Local is still starting, after {now - begin:.0f} s", err=True)
        time.sleep(0.05)
    raise Unusable(f"DynamoDB Local did not answer within {START_SECONDS:.0f} s")


@click.command()
def fetch_command() -> None:
    """Fetches DynamoDB Local, and Java if there is none, into the cache folder."""
    try:
        click.echo(f"Java is {downloads.java()}")
        click.echo(f"DynamoDB Local is in {downloads.dynamodb_local()}")
    except Unusable as error:
        raise click.ClickException(str(error)) from error


def _started(data: Path | None, lock: IO[bytes] | None) -> tuple[subprocess.Popen[bytes], str]:
    """Start it on one port after another until it gets one that nobody took meanwhile."""
    for _ in range(PORTS_TRIED):
        port = free_port()
        url = f"http://{LOOPBACK}:{port}"
        process = start(
            [sys.executable, supervise.__file__, *command(port, data)],
            data,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,  # where each new start is told
            pass_fds=[lock.fileno()] if lock else [],  # held for as long as the database runs
            start_new_session=True,  # Ctrl-C is for the server, which then ends it
        )
        try:
            await_answer(process, url)
        except Unusable as error:
            output = process.communicate()[0].decode(errors="replace")
            if PORT_TAKEN not in output:
                raise _explained(error, output) from error
            continue
        except BaseException:
            process.communicate()
            raise
        _keep(process)
        return process, url
    raise Unusable(f"{PORTS_TRIED} ports that were free were taken before it could use them")


def _keep(process: subprocess.Popen[bytes]) -> None:
    """Have it started again if it ends from now on."""
    assert process.stdin  # noqa: S101  # nosec B101
    process.stdin.write(b"keep\n")
    process.stdin.flush()


def _explained(error: Unusable, output: str) -> Unusable:
    try:
        downloads.check_dynamodb_local()
    except Unusable as broken:
        return broken
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    return Unusable(f"{error}; its last line: {last.strip()}" if last else str(error))


def _answers(url: str) -> bool:
    """Whether DynamoDB Local, and no other program, answers; an unsigned request is refused."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=5)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return b"dynamodb" in refusal.read(1000)
    except OSError:
        return False
    return False


@contextmanager
def _locked(data: Path | None) -> Iterator[IO[bytes] | None]:
    """Make the folder this process's own; it is free again soon after a server was killed.

    Raises:
        Unusable: the folder cannot be used, or another server uses it.
    """
    if data is None:
        yield None
        return
    data_folder.prepare(data)
    with data_folder.writable(data, "lock") as lock:
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
                raise InUse(f"another server uses the data in {data}") from error
            time.sleep(0.1)
        else:
            return
