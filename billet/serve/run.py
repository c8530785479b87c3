"""Migrate the database, run the worker processes, and print the start messages."""

import multiprocessing
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server.mp import MPServer

from billet.cli.errors import DATABASE_ERRORS, one_line
from billet.emulators import local_server
from billet.migrations import runner
from billet.migrations.scanning import Options as MigrationOptions
from billet.serve import asgi, profiler, prometheus, worker
from billet.serve.databases import Database
from billet.serve.listening import LIMITS, await_response, port_in_use, reserve_port
from chalicelib.dynamodb import client, schema_version
from chalicelib.settings import Settings

METRICS_SETTING = "--metrics-port"
MIGRATION_SECONDS = 600.0
"""The longest wait for another server that migrates the same database."""


class Options(NamedTuple):
    """Options of `billet serve` for the worker processes."""

    host: str
    workers: int
    max_concurrent: int
    """How many requests all workers together handle at the same time."""
    tls_cert: Path | None
    tls_key: Path | None
    metrics_port: int | None
    profile: Path | None


def until_stopped(options: Options, data: Path, database: Database) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in flight.

    Args:
        data: the data folder, for the commands in the start messages and for `billet top`.

    Raises:
        click.ClickException: a port is in use, the database can't be used, or the workers end.
    """
    settings = Settings.from_environ(os.environ)
    with ExitStack() as ports:
        port = ports.enter_context(reserve_port(options.host, settings.port))
        if options.metrics_port == port:  # Linux reports no conflict until one of them listens
            raise port_in_use(port, METRICS_SETTING)
        granian_port = 0
        if options.metrics_port:
            granian_port = ports.enter_context(reserve_port("127.0.0.1", 0))
            ports.enter_context(
                prometheus.serving(
                    options.host, options.metrics_port, METRICS_SETTING, granian_port
                )
            )
        url = _url(options, port)
        ports.enter_context(local_server.advertise_address(data, url))
        client.bind(settings)
        prepare(database)
        multiprocessing.set_start_method("spawn", force=True)  # this process has threads
        server = _server(options, port, granian_port)
        messages = [*_start_messages(url, settings, data), database.warning]
        text = "\n".join(filter(None, messages))
        server.on_startup(lambda: _print_when_ready(options, port, text))
        load_application = partial(
            worker.load_application,
            max(1, options.max_concurrent // options.workers),
            max(1, asgi.MAX_WAITING // options.workers),
            options.host,
            data,
            count_requests=options.metrics_port is not None,
            profiled=options.profile is not None,
        )
        if options.profile:
            ports.enter_context(profiler.profiling(options.profile))
        try:
            server.serve(target_loader=load_application, wrap_loader=False)
        except SystemExit as error:
            if not server.interrupt_signal:  # Ctrl-C in a terminal also reaches the workers
                raise click.ClickException("the workers end as soon as they start") from error


def prepare(database: Database) -> None:
    """Bring a local database to the schema of this release; refuse another one that has not got it.

    A database that is already expanded and backfilled is not contracted: a server of the previous
    release may use it.

    Raises:
        click.ClickException: the server can't work with the database.
    """
    try:
        before = schema_version.read()
        if database.local and before.schema < schema_version.KNOWN:
            runner.up(options=MigrationOptions(quiet=True, patience=MIGRATION_SECONDS))
            click.echo(f"Database migrated from schema {before.schema} to {schema_version.KNOWN}")
        if reason := schema_version.read().mismatch:
            raise click.ClickException(reason)
    except DATABASE_ERRORS as error:
        raise click.ClickException(f"the database cannot be used: {one_line(error)}") from error


def _server(options: Options, port: int, granian_port: int) -> MPServer:
    arguments = dict(LIMITS)
    if options.tls_cert:
        arguments |= {
            "ssl_cert": options.tls_cert,
            "ssl_key": options.tls_key,
        }
    if granian_port:
        arguments |= {
            "metrics_enabled": True,
            "metrics_address": "127.0.0.1",
            "metrics_port": granian_port,
            "metrics_scrape_interval": 1,
        }
    try:
        return MPServer(
            "app:app",
            address=options.host,
            port=port,
            interface=Interfaces.ASGINL,
            workers=options.workers,
            respawn_failed_workers=True,
            workers_kill_timeout=int(worker.FINISH_SECONDS),
            log_level=LogLevels.warning,
            ssl_protocol_min=SSLProtocols.tls12,
            **arguments,
        )
    except OSError as error:
        files = f"{options.tls_cert} and {options.tls_key}"
        raise click.ClickException(
            f"{files}: not a certificate and its key in PEM, without a password: {error}"
        ) from error


def _url(options: Options, port: int) -> str:
    host = "localhost" if options.host == "127.0.0.1" else options.host
    scheme = "https" if options.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _start_messages(url: str, settings: Settings, data: Path) -> Iterator[str]:
    """Yield the lines that `billet serve` prints. Commands in them can be pasted into a shell."""
    yield f"Serving {url}; Ctrl-C stops it"
    if settings.board == "on":
        yield f"Board: {url}"
    if settings.docs == "on":
        yield f"Docs: {url}/docs"
    create_token = f"{_billet_command(data)} token create --name me --role admin"
    needed = settings.authenticated
    yield f"Make a token: {create_token}" if needed else "Token: not needed (AUTH is off)"


def _billet_command(data: Path) -> str:
    """Return the command that runs `billet` from the current folder."""
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    words = [str(python), "-m", "billet"]
    if data != local_server.DATA:
        words += ["--data", str(data)]
    return shlex.join(words)


def _print_when_ready(options: Options, port: int, text: str) -> None:
    """Print the text, from another thread, as soon as the server responds."""

    def wait_and_print() -> None:
        if await_response(options.host, port, tls=options.tls_cert is not None):
            click.echo(text)
            sys.stdout.flush()

    threading.Thread(target=wait_and_print, daemon=True).start()
