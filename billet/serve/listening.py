"""The port that the server listens on, and the limits of its connections."""

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
from granian.http import HTTP1Settings, HTTP2Settings

IDLE_MILLISECONDS = 30_000
"""How long a connection may wait for a request, or take to send the head of one."""
MAX_HEAD = 64 * 1024
MAX_CONNECTIONS = 2048
"""For each worker."""
LIMITS: dict[str, Any] = {
    "http": HTTPModes.http1,
    "websockets": False,
    "backpressure": MAX_CONNECTIONS,
    "http1_settings": HTTP1Settings(
        header_read_timeout=IDLE_MILLISECONDS, max_buffer_size=MAX_HEAD
    ),
    "http2_settings": HTTP2Settings(
        keep_alive_interval=IDLE_MILLISECONDS, max_headers_size=MAX_HEAD
    ),
}
START_SECONDS = 60.0


@contextmanager
def reserved(host: str, port: int, setting: str = "--port or PORT") -> Iterator[int]:
    """Keep a port in this block for the workers, which all listen on it; give its number.

    Raises:
        click.ClickException: another process has it, or there is no such address.
    """
    with socket.socket(_family(host)) as keeper:
        _bind(keeper, host, port, setting)
        yield keeper.getsockname()[1]


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bind(keeper: socket.socket, host: str, port: int, setting: str) -> None:
    try:
        with socket.socket(keeper.family) as probe:  # which fails if anyone else listens
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            port = probe.getsockname()[1]
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind((host, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"{host}:{port}: {error.strerror}") from error
        raise click.ClickException(in_use(port, setting)) from error


def in_use(port: int, setting: str) -> str:
    """What to say of a port that is taken, and of the setting that chooses another one."""
    return f"port {port} is in use; choose another one with {setting}"


def answering(host: str, port: int, *, tls: bool) -> bool:
    """Wait until a server answers; False if none does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            _ask({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, tls=tls)  # noqa: S104  # nosec B104
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return True
    return False


def _ask(host: str, port: int, *, tls: bool) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False  # it is only asked whether it answers
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
