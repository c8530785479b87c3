"""DynamoDB Local: AWS's own emulator, in Java, from the npm package in which AWS ships it."""

import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

NPM_PACKAGE = "amplify-dynamodb-simulator@2.9.30"
FIRST_JAVA = 11
START_SECONDS = 30.0


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
            raise Unusable("npm is not installed, which fetches DynamoDB Local")
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

    Raises:
        Unusable: it can't be fetched or started.
    """
    port = _free_port()
    where = ["-dbPath", str(data)] if data else ["-inMemory"]
    jar = fetch() / "DynamoDBLocal.jar"
    command = [java(), "-jar", str(jar), *where, "-sharedDb", "-port", str(port)]
    command[1:1] = [f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"]
    process = subprocess.Popen(  # noqa: S603
        [*command, "-disableTelemetry"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await_answer(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@click.command()
def fetch_command() -> None:
    """Fetches DynamoDB Local into the cache folder."""
    try:
        click.echo(f"DynamoDB Local is in {fetch()}")
    except Unusable as error:
        raise click.ClickException(str(error)) from error


def _unpack(scratch: Path, folder: Path) -> None:
    packed = subprocess.run(  # noqa: S603
        ["npm", "pack", "--silent", NPM_PACKAGE],  # noqa: S607
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    if packed.returncode != 0:
        raise Unusable(f"npm could not fetch {NPM_PACKAGE}")
    with tarfile.open(scratch / packed.stdout.strip()) as archive:
        archive.extractall(scratch, filter="data")
    if not folder.exists():  # another process may have been quicker
        (scratch / "package" / "emulator").rename(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unusable(f"DynamoDB Local ended at once, with exit status {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1)  # noqa: S310
        except urllib.error.HTTPError:
            return  # an unsigned request is refused: it answers
        except OSError:
            time.sleep(0.05)
    raise Unusable(f"DynamoDB Local did not answer within {START_SECONDS:.0f} s")
