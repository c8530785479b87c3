"""Let the commands find a running `billet serve`: its database, and the address of its API.

The server writes files into its data folder and locks them. The lock ends with the process, so a
file without a lock belongs to a server that was killed.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click

DATA = Path(".billet")
SERVER_FILES = "server-*.json"
ADDRESS_FILES = "address-*.json"
TABLE_SETTINGS = ("STAGE", "TABLE_PREFIX", "LANES")
"""Settings that the commands must share with the server to use the same tables."""
DATABASE_VARIABLES = (
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
"""If the user sets any of these, the commands use the database that they name."""


def use_endpoint(endpoint: str) -> None:
    """Set this process's AWS variables to a local database."""
    os.environ |= {
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ.pop("AWS_SESSION_TOKEN", None)
    # Its import takes longer than the rest of a command's start.
    from billet.emulators.dynamodb_local import bypass_proxies

    bypass_proxies()


@contextmanager
def advertise(data: Path, endpoint: str) -> Iterator[None]:
    """Keep this server's file in the data folder within the block.

    If the file cannot be written, the server runs all the same, with a warning.
    """
    settings = {name: os.environ[name] for name in TABLE_SETTINGS if name in os.environ}
    text = json.dumps({"endpoint": endpoint, "pid": os.getpid(), "settings": settings})
    with ExitStack() as stack:
        try:
            data.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked_file(data / f"server-{os.getpid()}.json", text))
        except OSError:
            click.echo(
                f"Warning: {data} cannot be written; the commands cannot find this database",
                err=True,
            )
        yield


@contextmanager
def advertise_address(data: Path, url: str) -> Iterator[None]:
    """Keep the file with the API's address in the data folder within the block, if it can be."""
    with ExitStack() as stack:
        with suppress(OSError):
            text = json.dumps({"url": url, "pid": os.getpid()})
            stack.enter_context(_locked_file(data / f"address-{os.getpid()}.json", text))
        yield


def addresses(data: Path) -> list[str]:
    """Return the addresses of the running servers of this user; another's must get no token."""
    return [server["url"] for server in _running_servers(data, ADDRESS_FILES, own_only=True)]


def use_running_server(data: Path) -> str | None:
    """Set this process's variables to the database of the running server, if there is one.

    Variables of the user that name a database have priority.

    Returns:
        A line for the user that names the database, or None if nothing was set.

    Raises:
        click.ClickException: several servers run.
    """
    if any(os.environ.get(name) for name in DATABASE_VARIABLES):
        return None
    servers = list(_running_servers(data, SERVER_FILES))
    if not servers:
        return None
    if len(servers) > 1:
        endpoints = ", ".join(_named_endpoints(data, servers))
        raise click.ClickException(
            f"several servers run; set AWS_ENDPOINT_URL_DYNAMODB to one of {endpoints}"
        )
    [server] = servers
    use_endpoint(server["endpoint"])
    for name, value in server["settings"].items():
        os.environ.setdefault(name, value)
    return f"Database: {server['endpoint']}, of the local server with process id {server['pid']}"


def _named_endpoints(data: Path, servers: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the endpoint of each database, with the address of its API, which people know."""
    urls = {api.get("pid"): api["url"] for api in _running_servers(data, ADDRESS_FILES)}
    for server in servers:
        url = urls.get(server["pid"])
        yield f"{server['endpoint']} (the database of {url})" if url else server["endpoint"]


@contextmanager
def _locked_file(path: Path, text: str) -> Iterator[None]:
    """Keep a file with this text, which only its owner can read, locked within the block.

    Raises:
        OSError: it cannot be written.
    """
    # It gets its name once it is locked: a command deletes files without a lock.
    unlocked = path.with_suffix(".new")
    unlocked.unlink(missing_ok=True)
    descriptor = os.open(unlocked, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        file.flush()
        unlocked.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _running_servers(data: Path, files: str, *, own_only: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the content of each running server's file; delete the files of killed servers."""
    for path in sorted(data.glob(files)):
        try:
            with path.open() as file:
                if own_only and os.fstat(file.fileno()).st_uid != os.getuid():
                    continue
                if _is_locked(file.fileno()):
                    yield json.loads(file.read())
                else:
                    path.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue  # the server has just stopped, or belongs to another user


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
