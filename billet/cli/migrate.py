"""`billet migrate`: bring the database to the schema of this release."""

from collections.abc import Callable
from typing import Any

import click

from billet.cli.errors import cli_errors
from billet.migrations import MIGRATIONS, plan, runner, state, tables
from billet.migrations.scanning import Options
from chalicelib.dynamodb import client

_to = click.option("--to", type=int, metavar="N", help="The last migration to run; all by default.")
_options = [
    click.option(
        "--units-per-second",
        type=click.IntRange(min=1),
        help="The most capacity units, read and write, that walks over tables use in a second.",
    ),
    click.option(
        "--segments",
        type=click.IntRange(1, 64),
        help="The number of parallel segments of a walk; by default one for 10,000 items, up to 8.",
    ),
]
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Count the changes of items without making them."
)


def _walking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that walk over tables."""
    for option in _options:
        command = option(command)
    return command


@click.group()
def migrate() -> None:
    """Bring the database to the schema of this release.

    A deployment without downtime takes these steps: expand and backfill, then the new release of
    the API, and when the previous one has stopped, contract. See docs/migrations.md.
    """


@migrate.command("up")
@_to
@_walking
@cli_errors()
def up_command(to: int | None, **options: Any) -> None:
    """Run all steps: expand, backfill, verify, contract.

    Only if no server of the previous release runs.
    """
    _announce("run all migrations", to)
    runner.up(to, Options(**options, repeat=True))


@migrate.command("expand")
@_to
@click.option(
    "--rebuild-indexes",
    is_flag=True,
    help="Build indexes with a wrong projection again; requests that use them fail meanwhile.",
)
@cli_errors()
def expand_command(to: int | None, rebuild_indexes: bool) -> None:
    """Create missing tables, indexes, Time to Live and settings of tables.

    Waits until they are active. Building an index of a large table can take hours; the API can be
    used in the meantime. After six hours the command fails; run it again to wait longer.
    """
    _announce("create what is missing", to)
    runner.expand(to, rebuild_indexes=rebuild_indexes)


@migrate.command("backfill")
@_to
@_walking
@_dry_run
@cli_errors()
def backfill_command(to: int | None, **options: Any) -> None:
    """Bring existing items into the new form, while the API runs.

    Looks at all items again if it is done, for what a server has written since.
    """
    _announce("change existing items", to, **options)
    runner.backfill(to, Options(**options, repeat=True))


@migrate.command("verify")
@_to
@_walking
@cli_errors()
def verify_command(to: int | None, **options: Any) -> None:
    """Check that tables and items have the new form. Writes nothing."""
    runner.verify(to, Options(**options))
    click.echo("Tables and items have the new form")


@migrate.command("contract")
@_to
@_walking
@_dry_run
@cli_errors()
def contract_command(to: int | None, **options: Any) -> None:
    """Remove what only the previous release needs.

    Only if no server of the previous release runs. Repeats the backfill first. Looks at all items
    again if it is done.
    """
    _announce("remove what only the previous release needs", to, **options)
    runner.contract(to, Options(**options, repeat=True))


@migrate.command("plan")
@_to
@cli_errors()
def plan_command(to: int | None) -> None:
    """Show what would be done, and the most that it costs. Changes nothing."""
    for line in plan.lines(runner.status(to), runner.chosen(to)):
        click.echo(line)


@migrate.command("status")
@cli_errors()
def status_command() -> None:
    """Show the state of each table, index and migration.

    Also shows the number of items, which DynamoDB updates every six hours. The exit status is 1 if
    a step of a migration has not run, or a table differs from what the migrations make.
    """
    status = runner.status()
    for suffix in (*runner.schema_of(MIGRATIONS).tables, state.SUFFIX):
        click.echo(f"{_name(suffix)}: {tables.summary(suffix)}")
    for migration in MIGRATIONS:
        click.echo(f"{migration.name}: {_steps(status.steps(migration))}")
    stored = status.stored
    click.echo(f"schema {stored.schema}, contracted to {stored.contracted}")
    if status.holder:
        click.echo(f"running: {status.holder}")
    for text in status.differences:
        click.echo(f"WRONG {text}")
    if not status.complete:
        raise SystemExit(1)


def _announce(text: str, to: int | None, *, dry_run: bool = False, **_: Any) -> None:
    """Print what the command does, before it does it."""
    until = "" if to is None else f" up to {to:04d}"
    dry = " (dry run, nothing is written)" if dry_run else ""
    click.echo(f"Tables {_name('*')}: {text}{until}{dry}")


def _name(suffix: str) -> str:
    return f"{client.database.settings.prefix}-{suffix}"


def _steps(steps: Any) -> str:
    if not steps:
        return "pending"
    return ", ".join(f"{step} {steps.get(step, 'pending')}" for step in state.STEPS)
