"""The command `billet destroy`."""

from collections.abc import Iterator

import click

from billet.cli import confirmation, options
from billet.cli.errors import cli_errors
from billet.deploy import artifacts, fixed, parameters, place, stack
from billet.deploy.place import Place
from billet.migrations import MIGRATIONS, database, runner, state
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
@click.option(
    "--table-prefix",
    metavar="PREFIX",
    callback=options.table_prefix,
    help="The prefix of the tables, if there is no stack. [default: billet-STAGE]",
)
@click.option("--role-arn", help="The role with which CloudFormation deletes the resources.")
@click.option(
    "--yes", is_flag=True, help="Do not ask, except for prod and for tables with another prefix."
)
@click.option(
    "--confirm",
    metavar="NAME",
    help="The stage again, in place of typing it; with --with-data the prefix of the tables if it "
    "is not billet-STAGE.",
)
def destroy(
    stage: str,
    with_data: bool,
    with_artifacts: bool,
    table_prefix: str | None,
    role_arn: str | None,
    yes: bool,
    confirm: str | None,
) -> None:
    """Delete a stage from AWS: its stack, and with --with-data its tables.

    The tables are kept by default. The command prints what remains. The tables are those of the
    stack, or billet-STAGE-* if there is none; TABLE_PREFIX has no effect.
    """
    parameters.check_role(role_arn)
    where = Place(stage)
    with cli_errors(announce=False), stack.resumable():
        found = stack_of(where)
        settings = _settings(where, found, table_prefix)
        place.bind(settings)
        tables = list(_existing_tables(where, settings.prefix))
        if not (found or tables or with_artifacts):
            raise click.ClickException(f"there is no stage {stage}")
        if with_artifacts:
            _require_no_other_stack(where)
        _require_no_migration(stage, tables)
        _print_plan(where, found, tables, with_data=with_data, with_artifacts=with_artifacts)
        own = settings.prefix == Settings(stage=stage).prefix
        deletes_others = with_data and bool(tables) and not own
        _confirm(
            settings.prefix if deletes_others else stage,
            must_type=deletes_others or stage in CAREFUL,
            yes=yes,
            confirm=confirm,
        )
        if found:
            stack.delete(where, found, role_arn or None)
        if with_data:
            for name in tables:
                _delete_table(where, name)
        if with_artifacts and artifacts.bucket_exists(where):
            artifacts.delete_bucket(where)
            click.echo(f"  deleted the bucket {where.bucket}")
        _print_remains(where, [] if with_data else tables, found)


def _settings(where: Place, found: stack.Stack | None, given: str | None) -> Settings:
    """Return the settings with the prefix of the stage's tables.

    Raises:
        click.ClickException: the given prefix is not that of the stack.
    """
    if found is None:
        return fixed.of_stage(where.stage, {"TABLE_PREFIX": given or ""})
    settings = fixed.of_template(stack.template(where), where.stage)
    if given not in (None, settings.prefix):
        raise click.ClickException(
            f"--table-prefix: the tables of {where.stack} are {settings.prefix}-*"
        )
    return settings


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


def _require_no_migration(stage: str, tables: list[str]) -> None:
    """Require that nobody runs migrations.

    Raises:
        click.ClickException: the lease is held.
    """
    if database.table_name(state.SUFFIX) not in tables:
        return
    lease = database.get(state.SUFFIX, state.LEASE_KEY)
    if lease and float(lease["ends"]["N"]) > state.clock():
        raise click.ClickException(
            f"{lease['owner']['S']} is running migrations of {stage}; try again when that is "
            "complete"
        )


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


def _confirm(name: str, *, must_type: bool, yes: bool, confirm: str | None) -> None:
    """Ask for the confirmation that the deletion needs.

    Args:
        name: what is deleted: the stage, or the prefix of tables that are not the stage's own.
        must_type: whether --yes is not enough.

    Raises:
        click.Abort: the user does not confirm.
        click.ClickException: there is no terminal to ask on, or another name is given.
    """
    if confirm is not None and confirm != name:
        raise click.ClickException(f"--confirm: must be {name}")
    if confirm == name or (yes and not must_type):
        return
    option = f"--confirm {name}" if must_type else "--yes"
    refusal = f"{name} is deleted only after a confirmation: {option}"
    if not must_type:
        confirmation.ask(f"Delete {name}?", refusal)
        return
    confirmation.require_terminal(refusal)
    if click.prompt(f"Type {name} to delete it", err=True) != name:
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


def _print_remains(where: Place, tables: list[str], deleted: stack.Stack | None) -> None:
    """Print what is left in the account."""
    remains = list(tables)
    if artifacts.bucket_exists(where):
        remains.append(f"the bucket {where.bucket}")
    if deleted and deleted.parameters.get("AccountLogRole") != "existing":
        remains.append("the role ApiGatewayLogRole")
    remains.append("backups of the tables if there are any")
    click.echo(f"Remains: {', '.join(remains)}")
