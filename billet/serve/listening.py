"""Reserve the server's port, limit its connections, and wait until it responds."""

import errno
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from granian.constants import HTTPModes
from granian.http import HTTP1Settings

IDLE_MILLISECONDS = 30_000
"""How long a connection may be idle, or take to send the head of a request."""
MAX_HEAD_BYTES = 64 * 1024
MAX_CONNECTIONS = 2048
"""Per worker."""
LIMITS: dict[str, Any] = {
    # granian does not tell the app that a client has cancelled a request of HTTP/2.
    "http": HTTPModes.http1,
    "websockets": False,
    "backpressure": MAX_CONNECTIONS,
    "http1_settings": HTTP1Settings(
        header_read_timeout=IDLE_MILLISECONDS, max_buffer_size=MAX_HEAD_BYTES
    ),
}
START_SECONDS = 60.0


@contextmanager
def reserve_port(host: str, port: int, setting: str = "--port or PORT") -> Iterator[int]:
    """Reserve a port within the block for the workers, which all listen on it.

    Args:
        port: 0 chooses a free port.
        setting: the setting that an error message names.

    Yields:
        The port.

    Raises:
        click.ClickException: another process uses the port, or the address does not exist.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as keeper:
        _bind(keeper, host, port, setting)
        yield keeper.getsockname()[1]


def _bind(keeper: socket.socket, host: str, port: int, setting: str) -> None:
    try:
        with socket.socket(keeper.family) as probe:  # fails if another process listens
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            port = probe.getsockname()[1]
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind((host, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"{host}:{port}: {error.strerror}") from error
        raise port_in_use(port, setting) from error


def port_in_use(port: int, setting: str) -> click.ClickException:
    """Return the error for a port that another process uses."""
    return click.ClickException(f"port {port} is in use; choose another one with {setting}")


def await_response(host: str, port: int, *, tls: bool) -> bool:
    """Wait until a server responds; return False if none does within START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            _request({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, tls=tls)  # noqa: S104  # nosec B104
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return True
    return False


def _request(host: str, port: int, *, tls: bool) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False  # this only checks that the server responds
    context.verify_mode = ssl.CERT_NONE
    connection = (
        http.client.HTTPSConnection(host, port, timeout=5, context=context)
        if tls
        else http.client.HTTPConnection(host, port, timeout=5)
    )
    try:
        connection.request("OPTIONS", "/v1/health")
        connection.getresponse().read()
    finally:
        connection.close()
