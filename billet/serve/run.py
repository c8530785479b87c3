"""Making the tables and running the workers. Imported once the environment is complete."""

import multiprocessing
import os
import sys
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server.mp import MPServer
from pynamodb.exceptions import PynamoDBException

from billet.cli import tables
from billet.cli.errors import one_line
from billet.serve import asgi, worker
from billet.serve.listening import LIMITS, answering, in_use, reserved
from billet.serve.options import Options
from billet.serve.start_lines import lines
from chalicelib.domain.errors import BilletError
from chalicelib.dynamodb import client
from chalicelib.settings import Settings

METRICS_SETTING = "--metrics-port"


def until_stopped(options: Options, data: Path, warning: str = "") -> None:
    """Serve until SIGINT or SIGTERM, and then finish the requests in flight.

    Args:
        data: the data folder, in which the commands look for this server.
        warning: what to say last.

    Raises:
        click.ClickException: the port is in use, the database does not answer, or workers end.
    """
    settings = Settings.from_environ(os.environ)
    with ExitStack() as ports:
        port = ports.enter_context(reserved(options.host, settings.port))
        if options.metrics_port == port:  # of two that do not listen yet, Linux sees no conflict
            raise click.ClickException(in_use(port, METRICS_SETTING))
        if options.metrics_port:
            ports.enter_context(reserved(options.host, options.metrics_port, METRICS_SETTING))
        client.bind(settings)  # now that the environment says where the database is
        _make_tables()
        multiprocessing.set_start_method("spawn", force=True)  # this process has threads
        server = _server(options, port)
        said = [*lines(_url(options, port), settings, data), warning]
        server.on_startup(lambda: _announce_later(options, port, "\n".join(filter(None, said))))
        share = max(1, options.at_work // options.workers)
        waiting = max(1, asgi.WAITING // options.workers)
        try:
            load = partial(worker.load, share, waiting, options.host)
            server.serve(target_loader=load, wrap_loader=False)
        except SystemExit as ended:
            if not server.interrupt_signal:  # Ctrl-C in a terminal reaches workers, too
                raise click.ClickException("the workers end as soon as they start") from ended


def _server(options: Options, port: int) -> MPServer:
    more = dict(LIMITS)
    if options.tls_cert:
        more |= {"ssl_cert": options.tls_cert, "ssl_key": options.tls_key, "http": HTTPModes.auto}
    if options.metrics_port:
        more |= {
            "metrics_enabled": True,
            "metrics_address": options.host,
            "metrics_port": options.metrics_port,
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
            **more,
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


def _announce_later(options: Options, port: int, text: str) -> None:
    threading.Thread(target=_announce, args=(options, port, text), daemon=True).start()


def _announce(options: Options, port: int, text: str) -> None:
    if answering(options.host, port, tls=options.tls_cert is not None):
        click.echo(text)
        sys.stdout.flush()


def _make_tables() -> None:
    try:
        list(tables.create())
    except (PynamoDBException, BotoCoreError, ClientError, BilletError) as error:
        raise click.ClickException(f"the tables can't be made: {one_line(error)}") from error
