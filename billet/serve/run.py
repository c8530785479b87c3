"""Making the tables and running the workers. Imported once the environment is complete."""

import multiprocessing
import os
import sys
import threading
from functools import partial

import click
from botocore.exceptions import BotoCoreError
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server.mp import MPServer
from pynamodb.exceptions import PynamoDBException

from billet import tables
from billet.serve import asgi, worker
from billet.serve.listening import LIMITS, answering, reserved
from billet.serve.options import Options
from chalicelib.errors import BilletError
from chalicelib.settings import Settings


def until_stopped(options: Options) -> None:
    """Serve until SIGINT or SIGTERM, and then finish the requests in flight.

    Raises:
        click.ClickException: the port is in use, the database does not answer, or workers end.
    """
    settings = Settings.from_environ(os.environ)
    with reserved(options.host, settings.port) as port:
        _make_tables()
        multiprocessing.set_start_method("spawn", force=True)  # this process has threads
        server = _server(options, port)
        server.on_startup(lambda: _announce_later(options, port, settings))
        share = max(1, options.at_work // options.workers)
        waiting = max(1, asgi.WAITING // options.workers)
        try:
            server.serve(target_loader=partial(worker.load, share, waiting), wrap_loader=False)
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


def _announce_later(options: Options, port: int, settings: Settings) -> None:
    threading.Thread(target=_announce, args=(options, port, settings), daemon=True).start()


def _announce(options: Options, port: int, settings: Settings) -> None:
    tls = options.tls_cert is not None
    if not answering(options.host, port, tls=tls):
        return
    host = "localhost" if options.host == "127.0.0.1" else options.host
    url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"Serving {url}; Ctrl-C stops it. Try:")
    click.echo(f"  curl {url}/v1/health")
    if settings.authenticated:
        click.echo("  python -m billet token create --name me --role admin")
    sys.stdout.flush()


def _make_tables() -> None:
    try:
        list(tables.create())
    except (PynamoDBException, BotoCoreError, BilletError) as error:
        raise click.ClickException(f"the tables can't be made: {error}") from error
