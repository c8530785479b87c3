"""`billet tables`: create the tables, and show their state."""

import time
from collections.abc import Iterator, Mapping, Sequence

import click
from pynamodb.models import Model

from billet.cli import table_schema, target
from billet.cli.errors import cli_errors
from chalicelib.dynamodb import client, counters, lanes
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES

POLL_SECONDS = 0.5
MAX_WAIT_SECONDS = 6 * 3600.0
"""The time that a table and its indexes may take to become active."""
TEMPORARY_STATES = {"ACTIVE", "CREATING", "UPDATING", "DELETING"}
"""The states that a table or an index has, or leaves without an action of its owner."""


@click.group()
def tables() -> None:
    """Create the tables, or show their state."""


@tables.command("create")
@cli_errors()
def create_command() -> None:
    """Create missing tables and indexes.

    Waits until they are active. Building an index of a large table can take hours; the API can be
    used in the meantime. After six hours the command fails; run it again to wait longer.
    """
    target.announce()
    for name, changes in create():
        click.echo(f"{name}: {', '.join(changes) or 'already exists'}")


@tables.command("status")
@cli_errors()
def status_command() -> None:
    """Show the state of each table and index.

    Also shows the number of items, which DynamoDB updates every six hours. The exit status is 1 if
    a table or an index is missing or has another schema than it should.
    """
    descriptions = {model: table_schema.describe(model) for model in SUFFIXES}
    for model, description in descriptions.items():
        click.echo(f"{model.Meta.table_name}: {_summary(model, description)}")
    if not all(one and _is_complete(model, one) for model, one in descriptions.items()):
        raise SystemExit(1)


def create() -> Iterator[tuple[str, Sequence[str]]]:
    """Create missing tables and indexes, the lane count and the id counters.

    Yields:
        Each table's name and the changes that were made, once the table and its indexes are active.

    Raises:
        click.ClickException: a table exists with other keys, or without a local index; or a table
            or index is not active within MAX_WAIT_SECONDS, or can't become active.
    """
    for model in SUFFIXES:
        yield model.Meta.table_name, _create_or_update(model)
    record_lane_count()


def record_lane_count() -> None:
    """Raise the number of lanes in the database to LANES, and create missing id counters.

    The number is never lowered. In a database that is in use, the counters are created once all
    readers know the new number.
    """
    lanes.raise_lane_count(client.database.settings.lanes)
    for kind in lanes.KINDS:
        counters.set_up(kind)


def _create_or_update(model: type[Model]) -> Sequence[str]:
    """Create the table or what it lacks; return the changes."""
    changes = []
    if table_schema.describe(model) is None:
        model.create_table()
        changes.append("created")
    description = _await_active(model)
    if differences := table_schema.differences(model, description):
        raise click.ClickException(f"{model.Meta.table_name}: {'; '.join(differences)}")
    for index in table_schema.missing_indexes(model, description):
        table_schema.add_index(model, index)
        _await_active(model)
        changes.append(f"index {index} added")
    if model in EXPIRIES and not table_schema.expires(model):
        table_schema.enable_expiry(model)
        changes.append("TTL enabled")
    return changes


def _await_active(model: type[Model]) -> table_schema.Description:
    """Wait until the table and its indexes are active; return their description."""
    name = model.Meta.table_name
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        description = table_schema.describe(model)
        states = {"table": "MISSING"}
        if description:
            states = {"table": description["TableStatus"], **_index_states(description)}
            if set(states.values()) == {"ACTIVE"}:
                return description
            if not TEMPORARY_STATES.issuperset(states.values()):
                raise click.ClickException(
                    f"{name} can't become active ({_listed(states)}); repair it in the AWS "
                    "console, then run `billet tables create` again"
                )
        if time.monotonic() >= deadline:
            raise click.ClickException(
                f"{name} is not active after {MAX_WAIT_SECONDS:g} seconds ({_listed(states)}); "
                "run `billet tables create` again to wait longer"
            )
        time.sleep(POLL_SECONDS)


def _listed(states: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {state}" for name, state in states.items())


def _index_states(description: table_schema.Description) -> dict[str, str]:
    """Return the state of each global index; local indexes have the state of their table."""
    indexes = description.get("GlobalSecondaryIndexes", ())
    return {index["IndexName"]: index["IndexStatus"] for index in indexes}


def _summary(model: type[Model], description: table_schema.Description | None) -> str:
    if description is None:
        return "MISSING"
    missing = dict.fromkeys(table_schema.missing_indexes(model, description), "MISSING")
    states = _index_states(description) | missing
    facts = [description["TableStatus"], f"{description['ItemCount']} items"]
    facts += [_listed(states)] if states else []
    return ", ".join([*facts, *table_schema.differences(model, description)])


def _is_complete(model: type[Model], description: table_schema.Description) -> bool:
    return not (
        table_schema.missing_indexes(model, description)
        or table_schema.differences(model, description)
    )
