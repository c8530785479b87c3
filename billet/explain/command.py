"""The command `billet explain`."""

import os
import sys

import click
from rich.console import Console

from billet.cli.errors import cli_errors
from billet.explain import dry_run, report
from billet.serve.gateway import Request
from chalicelib.settings import Settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
WIDTH = 150
"""Of the output if standard output is no terminal."""


@click.command()
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option("--body", default="", metavar="JSON", help="The body.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header; may be repeated."
)
@cli_errors()
def explain(method: str, path: str, body: str, headers: tuple[str, ...]) -> None:
    """Show the calls to DynamoDB that a request makes, and what they cost.

    GET and HEAD read from the database. Other methods write to a copy in memory. Nothing is
    written to the database. PATH has the query: '/v1/tasks?page_size=50'.
    """
    path, _, query = path.partition("?")
    given = dict(map(_header, headers))
    request = Request(
        method=method,
        path=path,
        query=query,
        headers={"host": "localhost", "content-type": "application/json", **given},
        client="127.0.0.1",
    )
    found = dry_run.explain(request, body.encode(), Settings.from_environ(os.environ))
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(report.render(found))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise click.UsageError(f"--header {text}: must be NAME:VALUE")
    return name.strip().lower(), value.strip()
