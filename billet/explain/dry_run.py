"""Send a request to the app in this process, without writing to the database."""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import click
from msgspec.structs import replace

from billet.cli import target
from billet.emulators import local_server, moto_server
from billet.emulators.errors import EmulatorError
from billet.explain import calls
from billet.explain.calls import Call, Params
from billet.explain.copy import CopyOnUse
from billet.serve.gateway import Gateway, Request, Response
from chalicelib.app_factory import BilletApp
from chalicelib.dynamodb import client
from chalicelib.http import request_log
from chalicelib.http.request_log import Line
from chalicelib.settings import Settings

READING = {"GET", "HEAD", "OPTIONS"}


class Explained(NamedTuple):
    """A request, its response and its calls."""

    request: Request
    response: Response
    line: Line
    calls: list[Call]
    settings: Settings
    on_copy: bool
    """Whether the calls went to a copy in memory."""


class WriteRefused(Exception):
    """A request that should only read would write."""


def explain(request: Request, body: bytes, settings: Settings) -> Explained:
    """Send the request as an admin, without quota, and record its calls.

    GET reads from the database. Other methods use a copy in memory of the items that they need.

    Raises:
        click.ClickException: the request has no route, or moto is not installed.
    """
    reads = request.method in READING
    with _on_database(settings) if reads else _on_copy(settings) as recorded:
        response, line = _send(request, body, settings)
    return Explained(request, response, line, recorded, settings, on_copy=not reads)


@contextmanager
def _on_database(settings: Settings) -> Iterator[list[Call]]:
    """Record the calls to the database within the block, and refuse writes."""
    with calls.recording(client.database.connection, settings.prefix, refuse_writes) as recorded:
        yield recorded


def refuse_writes(operation: str, params: Params) -> list[Any]:
    """Raise WriteRefused before an operation that writes."""
    if operation in calls.WRITES:
        raise WriteRefused(f"{operation}: billet explain does not write to the database")
    return []


@contextmanager
def _on_copy(settings: Settings) -> Iterator[list[Call]]:
    """Record the calls to a copy in memory within the block."""
    original = client.database.connection
    source = _client()
    environ = dict(os.environ)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(moto_server.run())
        except EmulatorError as error:
            raise click.ClickException(f"a request that writes: {error}") from error
        stack.callback(client.bind, settings, original)
        stack.callback(_restore_environ, environ)
        local_server.use_endpoint(url)
        prefix = f"explain-{uuid.uuid4().hex[:8]}"  # so that a write can reach no other tables
        client.bind(replace(settings, table_prefix=prefix))
        items = CopyOnUse(source, settings.prefix, _client(), prefix)
        items.create_tables()
        recording = calls.recording(client.database.connection, prefix, items.before, items.after)
        yield stack.enter_context(recording)


def _client() -> Any:
    return target.session().client("dynamodb")


def _restore_environ(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)


def _send(request: Request, body: bytes, settings: Settings) -> tuple[Response, Line]:
    local = replace(
        settings,
        stage="local",
        auth="off",
        cognito_user_pool_arn="",
        rate_quota=0,
        table_prefix=settings.prefix,
    )
    gateway = Gateway(BilletApp(local))
    lines: list[Line] = []
    request_log.observers.append(lines.append)
    try:
        result = gateway.route(request)
        if not isinstance(result, Response):
            result = gateway.respond(request, result, body)
    finally:
        request_log.observers.remove(lines.append)
    return result, lines[-1]
