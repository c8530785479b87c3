"""`billet doctor`: check the invariants of the data, and repair what violates them."""

import json
import sys
from collections.abc import Callable

import click
import msgspec

from billet.cli import progress, schema
from billet.cli.errors import DATABASE_ERRORS, cli_errors
from billet.integrity import CHECKS, findings
from billet.integrity.finding import Finding
from billet.migrations import id_counters, tables
from chalicelib.dynamodb.client import ConditionFailed
from chalicelib.dynamodb.models import SUFFIXES

MAX_PASSES = 5
CHANGED = "it has changed in the meantime"
"""The reason why a repair failed. The next check decides anew about the item."""
REPAIR_ERRORS = (*DATABASE_ERRORS, msgspec.ValidationError)
Report = Callable[[Finding, str, str], None]
"""Prints a finding, its outcome, and the reason for the outcome."""


@click.command()
@click.option("--repair", is_flag=True, help="Repair each finding, then check again.")
@click.option("--json", "as_json", is_flag=True, help="Print each finding as one line of JSON.")
@cli_errors()
def doctor(repair: bool, as_json: bool) -> None:
    """Check the data, and optionally repair it.

    Checks users, tasks, assignments, id counters, tokens and stored responses. Safe while the API
    runs. The exit status is 1 if something is broken and was not repaired. docs/doctor.md lists
    the kinds of findings.
    """
    _require_schema()
    report = _report_json if as_json else _report
    found, again = _check(repair, report)
    passes = 1
    while again and passes < MAX_PASSES:
        click.echo("Checking again", err=as_json)
        found, again = _check(repair, report)
        passes += 1
    if found:
        raise SystemExit(1)
    click.echo("Nothing is broken", err=as_json)


def _require_schema() -> None:
    try:
        schema.require(readable=False)
    except click.ClickException:
        # `billet migrate` needs the id counters, which only doctor makes again.
        if not id_counters.fault():
            raise


def _check(repair: bool, report: Report) -> tuple[int, bool]:
    """Report each finding as soon as it is found.

    Returns:
        The number of findings, and whether one was repaired or changed by others, so that another
        check may find less.
    """
    found, again = 0, False
    with progress.bar(_item_count(), "Checking") as bar:
        for finding in findings(bar.update):
            outcome, reason = _outcome(finding, repair)
            _clear_progress_bar()
            report(finding, outcome, reason)
            found += 1
            again = again or finding.repaired or reason == CHANGED
    return found, again


def _outcome(finding: Finding, repair: bool) -> tuple[str, str]:
    """Repair the finding if it should and can be; return the outcome and its reason."""
    if not repair:
        return "found", ""
    if not finding.repairable:
        return "left", "an operator has to decide"
    try:
        finding.repair()
    except ConditionFailed:
        return "failed", CHANGED
    except REPAIR_ERRORS as error:
        return "failed", str(error)
    return "repaired", finding.action


def _report(finding: Finding, outcome: str, reason: str) -> None:
    click.echo(f"{finding.text}: {outcome}, {reason}" if reason else finding.text)


def _report_json(finding: Finding, outcome: str, reason: str) -> None:
    fields = {
        "kind": finding.kind,
        "table": finding.table,
        "key": finding.key,
        "detail": finding.detail,
        "outcome": outcome,
        "reason": reason,
    }
    click.echo(json.dumps(fields))


def _clear_progress_bar() -> None:
    """Clear the terminal line of the progress bar; its next update draws it again."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


def _item_count() -> int:
    """Return the number of items in all tables; DynamoDB updates it every six hours."""
    descriptions = (tables.describe(SUFFIXES[model]) for model in CHECKS)
    return sum(description["ItemCount"] for description in descriptions if description)
