"""Making the tables, and telling how they are."""

import time
from collections.abc import Iterator, Sequence

import click
from pynamodb.models import Model

from billet import table_schema
from billet.cli.errors import cli_errors
from chalicelib.dynamodb import client, counters, lanes
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES

POLL_SECONDS = 0.5


def create() -> Iterator[tuple[str, Sequence[str]]]:
    """Makes what is missing and waits until all of it is active, indexes too.

    Yields each table's name, and what had to be done to it: nothing where it was there already.
    The layout is recorded, and the id counters are laid out. Building an index of a large table
    takes DynamoDB its time.

    Raises:
        click.ClickException: a table is there with other keys than it needs.
    """
    for model in SUFFIXES:
        yield model.Meta.table_name, _bring_about(model)
    record_layout()


def record_layout() -> None:
    """Raises the layout to LANES, never lowers it, and lays out counters that are missing.

    In a database that is in use, the counters follow when all readers know the new layout.
    """
    lanes.announce(client.lanes())
    for kind in lanes.KINDS:
        counters.lay_out(kind)


def status(model: type[Model]) -> str:
    """DynamoDB's word for the table's state, or "MISSING"."""
    described = table_schema.describe(model)
    return str(described["TableStatus"]) if described else "MISSING"


@click.group()
def tables() -> None:
    """The tables in the database."""


@tables.command("create")
@cli_errors()
def create_command() -> None:
    """Makes the tables and indexes that are missing, and waits until they can be used."""
    for name, done in create():
        click.echo(f"{name}: {', '.join(done) or 'there already'}")


@tables.command("status")
@cli_errors()
def status_command() -> None:
    """Tells each table's state, its items as DynamoDB last counted them, and its indexes.

    Exit status 1 where a table or an index is missing or not what it should be.
    """
    described = {model: table_schema.describe(model) for model in SUFFIXES}
    for model, table in described.items():
        click.echo(f"{model.Meta.table_name}: {_summary(model, table)}")
    if not all(table and _whole(model, table) for model, table in described.items()):
        raise SystemExit(1)


def _bring_about(model: type[Model]) -> Sequence[str]:
    done = []
    if table_schema.describe(model) is None:
        model.create_table()
        done.append("created")
    table = _active(model)
    if differences := table_schema.differences(model, table):
        raise click.ClickException(f"{model.Meta.table_name}: {'; '.join(differences)}")
    for index in table_schema.missing_indexes(model, table):
        table_schema.add_index(model, index)
        _active(model)
        done.append(f"index {index} added")
    if model in EXPIRIES and not table_schema.expires(model):
        table_schema.enable_expiry(model)
        done.append("expiry switched on")
    return done


def _active(model: type[Model]) -> table_schema.Described:
    """Waits until the table and its indexes are active; gives its description."""
    while True:
        table = table_schema.describe(model)
        if table and {table["TableStatus"], *_states(table).values()} == {"ACTIVE"}:
            return table
        time.sleep(POLL_SECONDS)


def _states(table: table_schema.Described) -> dict[str, str]:
    """The state of each global index; a local one is a part of its table."""
    indexes = table.get("GlobalSecondaryIndexes", ())
    return {index["IndexName"]: index["IndexStatus"] for index in indexes}


def _summary(model: type[Model], table: table_schema.Described | None) -> str:
    if table is None:
        return "MISSING"
    missing = dict.fromkeys(table_schema.missing_indexes(model, table), "MISSING")
    indexes = [f"{name} {state}" for name, state in (_states(table) | missing).items()]
    facts = [table["TableStatus"], f"{table['ItemCount']} items", *indexes]
    return ", ".join([*facts, *table_schema.differences(model, table)])


def _whole(model: type[Model], table: table_schema.Described) -> bool:
    return not (
        table_schema.missing_indexes(model, table) or table_schema.differences(model, table)
    )
