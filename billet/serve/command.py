"""The command `billet serve`."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from billet.emulators import local_server
from billet.serve import asgi, databases, profiler, run
from chalicelib.settings import Settings


def _known_suffix(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    if file and file.suffix not in profiler.FORMATS:
        raise click.BadParameter("must end in .svg, .json or .txt")
    return file


def _data_of_billet() -> Path:
    """Return the folder of `billet --data FOLDER serve`."""
    data: Path = click.get_current_context().find_root().params.get("data", local_server.DATA)
    return data


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--db",
    type=click.Choice(databases.CHOICES),
    default="auto",
    show_default=True,
    help="Database to use. local: DynamoDB Local with its files in --data. memory: moto, without "
    "files. auto: AWS_ENDPOINT_URL_DYNAMODB if it is set, else local, or memory if DynamoDB Local "
    "is not available and --data has no data.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    show_default="PORT, or 3000",
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_data_of_billet,
    show_default=f"that of `billet --data`, or {local_server.DATA}",
    help="Folder for the files of DynamoDB Local.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="number of cores",
    help="Number of worker processes.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 256),
    show_default=f"{asgi.MAX_CONCURRENT}, or {databases.MEMORY_MAX_CONCURRENT} in memory",
    help="Number of requests that all workers together handle at the same time, at least one per "
    f"worker. {asgi.MAX_WAITING} more requests wait up to {asgi.WAIT_SECONDS:.0f} s; further "
    "requests get 503.",
)
@click.option("--tls-cert", type=_FILE, help="Certificate for HTTPS, in PEM format.")
@click.option("--tls-key", type=_FILE, help="Private key of the certificate, in PEM format.")
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Port for Prometheus metrics, at /metrics. Without it there are no metrics.",
)
@click.option(
    "--profile",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_known_suffix,
    help="File for a CPU profile of all processes, written when the server stops: .svg for a flame "
    "graph, .json for speedscope, .txt for stacks.",
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
    profile: Path | None,
) -> None:
    """Run the API on this machine.

    Starts the database, migrates it, and serves until Ctrl-C or SIGTERM.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # background jobs of a shell ignore SIGINT
        signal.signal(number, _stop)
    if Settings.from_environ(os.environ).cognito_user_pool_arn:
        raise click.ClickException("COGNITO_USER_POOL_ARN: only API Gateway can check its tokens")
    if (tls_cert is None) != (tls_key is None):
        raise click.ClickException("--tls-cert and --tls-key: give both or none")
    if port is not None:
        os.environ["PORT"] = str(port)
    with ExitStack() as stack:
        try:
            database = stack.enter_context(databases.open_database(db, data))
            click.echo(database.description)
            max_concurrent = at_once or database.max_concurrent
            options = run.Options(
                host, workers, max_concurrent, tls_cert, tls_key, metrics_port, profile
            )
            run.until_stopped(options, data, database)
        except KeyboardInterrupt:
            pass
        click.echo("Stopping")


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop as Ctrl-C does; the exit status is 0."""
    raise KeyboardInterrupt
