"""python -m billet bench: what requests cost, measured side by side with what bounds them."""

import json
import os
import platform
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil
from rich.console import Console
from rich.progress import Progress

from billet.cli.errors import cli_errors
from billet.emulators import dynamodb_local

SECTIONS = ("floor", "http", "growth", "cold", "cost", "lanes")


WIDTH = 120
"""Characters that the tables need."""


class Size(NamedTuple):
    """How much is measured."""

    rounds: int
    worlds: tuple[int, ...]
    growth_rounds: int
    connections: tuple[int, ...]
    seconds: float
    starts: int
    laned_tasks: int


QUICK = Size(40, (1_000, 10_000), 25, (1, 16, 64), 0.25, 3, 320)
FULL = Size(200, (1_000, 10_000, 100_000), 100, (1, 4, 16, 64), 1.0, 10, 1_000)
LARGE = FULL._replace(worlds=(*FULL.worlds, 1_000_000))


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(SECTIONS))
@click.option("--quick", is_flag=True, help="Fewer rounds: under three minutes in all.")
@click.option("--large", is_flag=True, help="Growth up to a million tasks.")
@click.option("--endpoint", help="A DynamoDB other than a DynamoDB Local of its own.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False, path_type=Path))
def bench(
    sections: tuple[str, ...],
    quick: bool,
    large: bool,
    endpoint: str | None,
    json_file: Path | None,
    plot_file: Path | None,
) -> None:
    """Measures SECTIONS (all, if none is named) and prints tables, ratios first."""
    size = QUICK if quick else LARGE if large else FULL
    console = Console(width=max(WIDTH, Console().width))
    with ExitStack() as stack:
        _connect(stack, endpoint)
        stack.enter_context(cli_errors())
        from billet.benchmark import (
            run,  # only now, when the environment says where the database is
        )

        progress = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        found = []
        for table in run.sections(sections or SECTIONS, size, progress):
            table.show(console)
            found.append(table)
    if json_file:
        content = {
            "machine": machine(),
            "size": "--quick " if quick else "--large " if large else "",
            "tables": [table.as_dict() for table in found],
        }
        json_file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    if plot_file:
        from billet.benchmark import plot

        plot.draw(found, plot_file)
    if errors := sum(sum(table.column("errors")) for table in found):
        raise click.ClickException(f"{errors} requests failed")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _connect(stack: ExitStack, endpoint: str | None) -> None:
    if endpoint is None:
        try:
            endpoint = stack.enter_context(dynamodb_local.running())
        except dynamodb_local.Unusable as error:
            raise click.ClickException(f"no DynamoDB Local: {error}; name an --endpoint") from error
        os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
