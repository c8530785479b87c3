"""Checking the invariants, and mending what is broken."""

import json
import sys
from collections.abc import Callable

import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from billet import table_schema
from billet.cli.errors import cli_errors
from billet.integrity import CHECKS, findings
from billet.integrity.finding import Finding
from chalicelib.domain.errors import BilletError
from chalicelib.dynamodb.client import ConditionFailed

MAX_CHECKS = 5
REFUSALS = (BilletError, BotoCoreError, ClientError, PynamoDBException, msgspec.ValidationError)
"""What a mend may raise: the database does not take it, or something else is unreadable."""
Tell = Callable[[Finding, str, str], None]
"""Tells of a finding, what came of it, and why."""


@click.command()
@click.option("--repair", is_flag=True, help="Mend what is found, then check again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each finding.")
@cli_errors()
def doctor(repair: bool, as_json: bool) -> None:
    """Checks that users, tasks, assignments, id counters, tokens and replies are as they should be.

    Safe while the API runs. Exit status 1 if something is broken, or left broken. docs/doctor.md
    lists the kinds of findings.
    """
    tell = _tell_json if as_json else _tell
    found, repaired = _check(repair, tell)
    checks = 1
    while repaired and checks < MAX_CHECKS:
        click.echo("Checking again", err=as_json)
        found, repaired = _check(repair, tell)
        checks += 1
    if found:
        raise SystemExit(1)
    click.echo("Nothing is broken", err=as_json)


def _check(repair: bool, tell: Tell) -> tuple[int, int]:
    """Tells what is broken as it is found; gives how much that is, and how much was mended."""
    found = repaired = 0
    with click.progressbar(length=_items(), label="Checking", file=sys.stderr) as bar:
        for finding in findings(bar.update):
            outcome, reason = _outcome(finding, repair)
            _clear_line()
            tell(finding, outcome, reason)
            found += 1
            repaired += finding.repaired
    return found, repaired


def _outcome(finding: Finding, repair: bool) -> tuple[str, str]:
    if not repair:
        return "found", ""
    if not finding.repairable:
        return "left", "a person has to decide"
    try:
        finding.repair()
    except ConditionFailed:
        return "failed", "it has changed meanwhile"
    except REFUSALS as error:
        return "failed", str(error)
    return "mended", finding.action


def _tell(finding: Finding, outcome: str, reason: str) -> None:
    click.echo(f"{finding.text}: {outcome}, {reason}" if reason else finding.text)


def _tell_json(finding: Finding, outcome: str, reason: str) -> None:
    names = {
        "kind": finding.kind,
        "table": finding.table,
        "key": finding.key,
        "detail": finding.detail,
        "outcome": outcome,
        "reason": reason,
    }
    click.echo(json.dumps(names))


def _clear_line() -> None:
    """Removes the progress bar, which its next update draws again, from where the line is to be."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


def _items() -> int:
    """How many items there are to check, as DynamoDB last counted them."""
    described = (table_schema.describe(model) for model in CHECKS)
    return sum(table["ItemCount"] for table in described if table)
