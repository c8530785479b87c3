"""The command `billet destroy`."""

import os
import sys
from collections.abc import Iterator

import click

from billet.cli.errors import cli_errors
from billet.deploy import artifacts, place, stack
from billet.deploy.package import FUNCTION
from billet.deploy.place import Place
from billet.migrations import MIGRATIONS, runner, state
from chalicelib.settings import Settings

CAREFUL = ("prod",)
"""The stages whose name has to be typed."""


@click.command()
@click.option("--stage", required=True, help="The name of the deployment, such as dev.")
@click.option("--with-data", is_flag=True, help="Delete the tables, too, with all their data.")
@click.option(
    "--with-artifacts",
    is_flag=True,
    help="Delete the bucket for packages, too. All stages of the region share it.",
)
@click.option("--role-arn", help="The role with which CloudFormation deletes the resources.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation; not enough for prod.")
@click.option("--confirm", metavar="STAGE", help="The stage again, in place of typing it.")
def destroy(
    stage: str,
    with_data: bool,
    with_artifacts: bool,
    role_arn: str | None,
    yes: bool,
    confirm: str | None,
) -> None:
    """Delete a stage from AWS: its stack, and with --with-data its tables.

    The tables are kept by default. The command prints what remains.
    """
    where = Place(stage)
    with cli_errors(announce=False):
        found = stack_of(where)
        prefix = _prefix(where) if found else os.environ.get("TABLE_PREFIX", "")
        settings = Settings.from_environ({"TABLE_PREFIX": prefix, "STAGE": stage})
        place.bind(settings)
        tables = list(_existing_tables(where, settings.prefix))
        _print_plan(where, found, tables, with_data=with_data, with_artifacts=with_artifacts)
        if with_artifacts:
            _require_no_other_stack(where)
        _confirm(stage, yes=yes, confirm=confirm)
        if found:
            stack.delete(where, found, role_arn or None)
        if with_data:
            for name in tables:
                _delete_table(where, name)
        if with_artifacts and artifacts.bucket_exists(where):
            artifacts.delete_bucket(where)
            click.echo(f"  deleted the bucket {where.bucket}")
        _print_remains(where, [] if with_data else tables)


def _prefix(where: Place) -> str:
    """Return the prefix of the tables of the deployed API; "" for the default one."""
    function = stack.template(where).get("Resources", {}).get(FUNCTION, {})
    variables = function.get("Properties", {}).get("Environment", {}).get("Variables", {})
    return str(variables.get("TABLE_PREFIX", ""))


def stack_of(where: Place) -> stack.Stack | None:
    """Return the stack, if it is not being changed.

    Raises:
        click.ClickException: it is being changed.
    """
    found = stack.find(where)
    if found and found.status.endswith("_IN_PROGRESS") and found.status != stack.NEW:
        raise click.ClickException(
            f"{where.stack} is being changed ({found.status}); try again when that is complete"
        )
    return found


def _existing_tables(where: Place, prefix: str) -> Iterator[str]:
    """Yield the names of the stage's tables. Another stage's can begin with the same prefix."""
    suffixes = [*runner.schema_of(MIGRATIONS).tables, state.SUFFIX]
    existing = {
        name
        for page in where.client("dynamodb").get_paginator("list_tables").paginate()
        for name in page["TableNames"]
    }
    names = [f"{prefix}-{suffix}" for suffix in suffixes]
    yield from sorted(existing.intersection(names))


def _print_plan(
    where: Place,
    found: stack.Stack | None,
    tables: list[str],
    *,
    with_data: bool,
    with_artifacts: bool,
) -> None:
    click.echo(f"Stack {where.stack}: {'is deleted' if found else 'does not exist'}")
    fate = "are deleted with their data" if with_data else "are kept"
    click.echo(f"Tables ({', '.join(tables)}): {fate}" if tables else "Tables: none")
    click.echo(f"Bucket {where.bucket}: {'is deleted' if with_artifacts else 'is kept'}")


def _confirm(stage: str, *, yes: bool, confirm: str | None) -> None:
    """Ask for the confirmation that the stage needs.

    Raises:
        click.Abort: the user does not confirm.
        click.ClickException: there is no terminal to ask on, or another stage is named.
    """
    if confirm is not None and confirm != stage:
        raise click.ClickException(f"--confirm: must be {stage}, the value of --stage")
    if confirm == stage or (yes and stage not in CAREFUL):
        return
    if not sys.stdin.isatty():
        option = f"--confirm {stage}" if stage in CAREFUL else "--yes"
        raise click.ClickException(f"{stage} is deleted only after a confirmation: {option}")
    if stage not in CAREFUL:
        click.confirm(f"Delete {stage}?", abort=True, err=True)
    elif click.prompt(f"Type {stage} to delete it", err=True) != stage:
        raise click.Abort


def _delete_table(where: Place, name: str) -> None:
    """Delete a table, also one that is protected, and wait until it is gone."""
    dynamodb = where.client("dynamodb")
    described = dynamodb.describe_table(TableName=name)["Table"]
    if described.get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name)
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name)
    click.echo(f"  deleted the table {name}")


def _require_no_other_stack(where: Place) -> None:
    """Require that no other stage needs the bucket.

    Raises:
        click.ClickException: one does.
    """
    pages = where.client("cloudformation").get_paginator("describe_stacks").paginate()
    names = [one["StackName"] for page in pages for one in page["Stacks"]]
    others = [name for name in names if name.startswith("billet-tasks-") and name != where.stack]
    if others:
        raise click.ClickException(f"--with-artifacts: {', '.join(sorted(others))} need the bucket")


def _print_remains(where: Place, tables: list[str]) -> None:
    remains = list(tables)
    if artifacts.bucket_exists(where):
        remains.append(f"the bucket {where.bucket}")
    click.echo(f"Remains: {', '.join(remains) or 'nothing'}")
