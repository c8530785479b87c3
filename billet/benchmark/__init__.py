"""Benchmarks: `billet bench` compares the API with bare boto3 and raw HTTP calls."""

import json
import os
import platform
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil
from rich.console import Console
from rich.progress import Progress

from billet.benchmark.report import draw_chart
from billet.cli.errors import cli_errors
from billet.emulators import dynamodb_local
from billet.emulators.errors import EmulatorError

SECTIONS = ("baseline", "http", "growth", "cold", "cost", "lanes")
MIN_WIDTH = 120
"""Columns that the result tables need."""


class Profile(NamedTuple):
    """How much a run measures."""

    rounds: int
    table_sizes: tuple[int, ...]
    growth_rounds: int
    connections: tuple[int, ...]
    seconds: float
    """The duration of each HTTP load."""
    starts: int
    lane_tasks: int


QUICK = Profile(40, (1_000, 10_000), 25, (1, 16, 64), 0.25, 3, 320)
FULL = Profile(200, (1_000, 10_000, 100_000), 100, (1, 4, 16, 64), 1.0, 10, 1_000)
LARGE = FULL._replace(table_sizes=(*FULL.table_sizes, 1_000_000))
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(SECTIONS))
@click.option("--quick", is_flag=True, help="Run fewer rounds; takes less than three minutes.")
@click.option("--large", is_flag=True, help="Measure growth up to a million tasks.")
@click.option(
    "--endpoint", metavar="URL", help="Use this DynamoDB instead of starting DynamoDB Local."
)
@click.option("--json", "json_file", type=_FILE, help="Write the results to this file as JSON.")
@click.option("--plot", "plot_file", type=_FILE, help="Draw the ratios as bars into this image.")
def bench(
    sections: tuple[str, ...],
    quick: bool,
    large: bool,
    endpoint: str | None,
    json_file: Path | None,
    plot_file: Path | None,
) -> None:
    """Compare the API with bare boto3 and raw HTTP calls.

    Measures the given sections, or all of them, and prints a table of ratios for each:

    \b
    baseline  endpoints in process, next to boto3 and raw HTTP
    http      requests per second through `billet serve`
    growth    requests in larger and larger tables
    cold      cold start of the packaged function (needs a package index)
    cost      capacity units, and dollars per million requests
    lanes     pages by number of lanes, and the limits of the design
    """
    profile = QUICK if quick else LARGE if large else FULL
    console = Console(width=max(MIN_WIDTH, Console().width))
    with ExitStack() as stack:
        _connect(stack, endpoint)
        stack.enter_context(cli_errors(announce=False))
        # Imports the app, which connects to the endpoint in the environment.
        from billet.benchmark.sections import run

        progress = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        tables = []
        for table in run(sections or SECTIONS, profile, progress):
            table.print(console)
            tables.append(table)
    if json_file:
        results = {
            "machine": _machine(),
            "size": "--quick " if quick else "--large " if large else "",
            "tables": [asdict(table) for table in tables],
        }
        json_file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if plot_file:
        draw_chart(tables, plot_file)
    if errors := sum(sum(table.column("errors")) for table in tables):
        raise click.ClickException(f"{errors} requests failed")


def _machine() -> dict[str, Any]:
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _connect(stack: ExitStack, endpoint: str | None) -> None:
    """Set the database's address in the environment; start DynamoDB Local if there is none."""
    if endpoint is None:
        try:
            endpoint = stack.enter_context(dynamodb_local.run())
        except EmulatorError as error:
            raise click.ClickException(
                f"DynamoDB Local is not available: {error}; use --endpoint"
            ) from error
        os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
