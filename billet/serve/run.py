"""Making the tables and serving the API. Imported once the environment is complete."""

import errno
import logging
import os
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

import app
from billet import tables
from billet.one_line_errors import line as one_line
from billet.serve.gate import Gate
from billet.serve.server import Server
from billet.serve.start_lines import lines
from chalicelib.errors import BilletError
from chalicelib.settings import Settings


def until_stopped(host: str, at_once: int, data: Path, warning: str = "") -> None:
    """Serves until KeyboardInterrupt, and then finishes the requests in flight.

    Args:
        at_once: how many requests may be at work at once.
        data: the data folder, in which the commands look for this server.
        warning: what to say last.

    Raises:
        click.ClickException: the port is in use, or the database does not answer.
    """
    settings = Settings.from_environ(os.environ)
    with _listening(host, settings.port, Gate(at_once)) as server:
        _make_tables()
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        said = [*lines(f"http://{server.address}", settings, data), warning]
        click.echo("\n".join(filter(None, said)))
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
    except (PynamoDBException, BotoCoreError, ClientError, BilletError) as error:
        raise click.ClickException(f"the tables can't be made: {one_line(error)}") from error
