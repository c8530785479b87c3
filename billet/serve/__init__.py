"""python -m billet serve"""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from billet import local_server
from billet.serve import databases, gate
from chalicelib.settings import Settings


@click.command()
@click.option(
    "--db",
    type=click.Choice(databases.CHOICES),
    default="auto",
    show_default=True,
    help="The database. local: DynamoDB Local, with files in --data; memory: moto, in process; "
    "auto: what AWS_ENDPOINT_URL_DYNAMODB names, else local, else memory unless --data has data.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port, else PORT, else 3000; 0: any."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=local_server.DATA,
    show_default=True,
    help="The folder for the files of DynamoDB Local.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 256),
    help=f"How many requests are at work at once; {gate.AT_WORK} if not told, in memory "
    f"{databases.MEMORY_AT_ONCE}. {gate.WAITING} more wait, for up to {gate.WAIT_SECONDS:.0f} s; "
    "the rest get 503 at once.",
)
def serve(db: str, host: str, port: int | None, data: Path, at_once: int | None) -> None:
    """Serves the API, with its tables made, until Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell has background jobs ignore SIGINT
        signal.signal(number, _stop)
    if Settings.from_environ(os.environ).cognito_user_pool_arn:
        raise click.ClickException("COGNITO_USER_POOL_ARN: only API Gateway can check its tokens")
    if port is not None:
        os.environ["PORT"] = str(port)
    with ExitStack() as stack:
        try:
            database = stack.enter_context(databases.opened(db, data))
            click.echo(database.says)
            _run(host, at_once or database.at_once, data, database.warning)
        except KeyboardInterrupt:
            click.echo("Stopping")


def _run(host: str, at_once: int, data: Path, warning: str) -> None:
    try:
        from billet.serve import run  # only now, when the environment says where the database is
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    run.until_stopped(host, at_once, data, warning)


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends as Ctrl-C does, with exit status 0: stopping is what was asked for."""
    raise KeyboardInterrupt
