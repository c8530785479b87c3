"""Making the tables and serving the API. Imported once the environment is complete."""

import errno
import logging
import os

import click
from botocore.exceptions import BotoCoreError
from pynamodb.exceptions import PynamoDBException

import app
from billet import tables
from billet.serve.gate import Gate
from billet.serve.server import Server
from chalicelib.errors import BilletError
from chalicelib.settings import Settings


def until_stopped(host: str, at_once: int) -> None:
    """Serves until KeyboardInterrupt, and then finishes the requests in flight.

    Args:
        at_once: how many requests may be at work at once.

    Raises:
        click.ClickException: the port is in use, or the database does not answer.
    """
    settings = Settings.from_environ(os.environ)
    with _listening(host, settings.port, Gate(at_once)) as server:
        _make_tables()
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        click.echo(f"Serving http://{server.address}; Ctrl-C stops it. Try:")
        click.echo(f"  curl http://{server.address}/v1/health")
        if settings.authenticated:
            click.echo("  python -m billet token create --name me --role admin")
        server.serve_until_stopped()


def _listening(host: str, port: int, gate: Gate) -> Server:
    try:
        return Server(app.app, host, port, gate)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"{host}:{port}: {error.strerror}") from error
        raise click.ClickException(
            f"port {port} is in use; choose another one with --port or PORT"
        ) from error


def _make_tables() -> None:
    try:
        list(tables.create())
    except (PynamoDBException, BotoCoreError, BilletError) as error:
        raise click.ClickException(f"the tables can't be made: {error}") from error
