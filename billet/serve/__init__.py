"""python -m billet serve"""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from billet.emulators import local_server
from billet.serve import asgi, databases
from billet.serve.options import Options
from chalicelib.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


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
    "--workers",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="the number of cores",
    help="How many processes serve.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 256),
    help=f"How many requests are at work at once, in all workers; {asgi.AT_WORK} if not told, in "
    f"memory {databases.MEMORY_AT_ONCE}, and one a worker at least. {asgi.WAITING} more wait, for "
    f"up to {asgi.WAIT_SECONDS:.0f} s; the rest get 503 at once.",
)
@click.option("--tls-cert", type=_FILE, help="A certificate in PEM, for HTTPS.")
@click.option("--tls-key", type=_FILE, help="Its private key in PEM.")
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="The port of metrics for Prometheus, at /metrics; none if not told.",
)
def serve(
    db: str,
    host: str,
    port: int | None,
    data: Path,
    workers: int,
    at_once: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    metrics_port: int | None,
) -> None:
    """Serves the API, with its tables made, until Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell has background jobs ignore SIGINT
        signal.signal(number, _stop)
    if Settings.from_environ(os.environ).cognito_user_pool_arn:
        raise click.ClickException("COGNITO_USER_POOL_ARN: only API Gateway can check its tokens")
    if (tls_cert is None) != (tls_key is None):
        raise click.ClickException("--tls-cert and --tls-key: give both or none")
    if port is not None:
        os.environ["PORT"] = str(port)
    with ExitStack() as stack:
        try:
            database = stack.enter_context(databases.opened(db, data))
            click.echo(database.says)
            at_work = at_once or database.at_once
            options = Options(host, workers, at_work, tls_cert, tls_key, metrics_port)
            _run(options, data, database.warning)
        except KeyboardInterrupt:
            pass
        click.echo("Stopping")


def _run(options: Options, data: Path, warning: str) -> None:
    try:
        from billet.serve import run  # only now, when the environment says where the database is
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    run.until_stopped(options, data, warning)


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends as Ctrl-C does, with exit status 0: stopping is what was asked for."""
    raise KeyboardInterrupt
