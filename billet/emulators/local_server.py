"""Where the database of a local server is, for the commands beside it.

A running `billet serve` keeps a file in its data folder, and a lock on it that ends with its
process: so a file without a lock was left by a server that was killed.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from billet.emulators.dynamodb_local import bypass_proxies

DATA = Path(".billet")
PATTERN = "server-*.json"
SETTINGS = ("STAGE", "TABLE_PREFIX", "LANES")
"""What the commands must have as the server has it to see the same tables."""
ELSEWHERE = (
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that lead to a database of the user's own choice."""


def use(endpoint: str) -> None:
    """Point AWS's variables of this process at a local database."""
    os.environ |= {
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ.pop("AWS_SESSION_TOKEN", None)
    bypass_proxies()


@contextmanager
def announced(data: Path, endpoint: str) -> Iterator[None]:
    """Keep the file for as long as the server runs; without a word if that can't be done."""
    told = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    text = json.dumps({"endpoint": endpoint, "pid": os.getpid(), "settings": told})
    path = data / f"server-{os.getpid()}.json"
    with ExitStack() as stack:
        try:
            data.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            file = stack.enter_context(os.fdopen(descriptor, "w"))
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(text)
            file.flush()
            stack.callback(path.unlink, missing_ok=True)
        except OSError:
            click.echo(f"{data} can't be written: the commands can't find this database", err=True)
        yield


def find(data: Path) -> str | None:
    """Use the database of the local server that runs, unless variables say otherwise.

    Returns:
        A line that says which database that is; None if there is none, or not to be used.

    Raises:
        click.ClickException: several servers run.
    """
    if any(os.environ.get(name) for name in ELSEWHERE):
        return None
    running = list(_running(data))
    if len(running) > 1:
        choices = ", ".join(one["endpoint"] for one in running)
        raise click.ClickException(
            f"several servers run: set AWS_ENDPOINT_URL_DYNAMODB to one of {choices}"
        )
    for one in running:
        use(one["endpoint"])
        for name, value in one["settings"].items():
            os.environ.setdefault(name, value)
        return f"Database: {one['endpoint']}, of the local server with process id {one['pid']}"
    return None


def _running(data: Path) -> Iterator[dict[str, Any]]:
    """Yield what each running server tells; remove what killed ones left."""
    for path in sorted(data.glob(PATTERN)):
        try:
            with path.open() as file:
                if _locked(file.fileno()):
                    yield json.loads(file.read())
                else:
                    path.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue  # it has just ended, or is another user's


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
