"""Checking the invariants, and mending what is broken."""

import sys

import click

from billet import schema
from billet.invariants import CHECKS, findings
from billet.invariants.finding import Finding
from billet.one_line_errors import one_line_errors
from chalicelib.errors import BilletError
from chalicelib.storage.client import ConditionFailed


@click.command()
@click.option("--repair", is_flag=True, help="Mend what is found, then check again.")
@one_line_errors()
def doctor(repair: bool) -> None:
    """Checks that users, tasks, assignments and id counters agree with each other.

    Safe while the API runs. Exit status 1 where something is broken, or left broken.
    """
    broken = _check(repair)
    if repair and broken:
        click.echo("Checking again")
        broken = _check(repair=False)
    if broken:
        raise SystemExit(1)
    click.echo("Nothing is broken")


def _check(repair: bool) -> int:
    """Tells what is broken; gives how many findings there are."""
    with click.progressbar(length=_items(), label="Checking", file=sys.stderr) as bar:
        lines = [_line(finding, repair) for finding in findings(bar.update)]
    for line in lines:
        click.echo(line)
    return len(lines)


def _line(finding: Finding, repair: bool) -> str:
    return f"{finding.text}: {_mended(finding)}" if repair else finding.text


def _mended(finding: Finding) -> str:
    if finding.mend is None:
        return "can't be mended by itself"
    try:
        finding.mend()
    except ConditionFailed:
        return "changed meanwhile"
    except BilletError as error:
        return f"not mended, {error}"
    return "mended"


def _items() -> int:
    """How many items there are to check, as DynamoDB last counted them."""
    described = (schema.describe(model) for model in CHECKS)
    return sum(table["ItemCount"] for table in described if table)
