"""Make the tables from the models, which is faster than to run the migrations."""

from pynamodb.models import Model

from chalicelib.dynamodb import client, counters, lanes, schema_version, shared_state
from chalicelib.dynamodb.botocore_patches import table_of
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES, CounterModel
from chalicelib.dynamodb.transaction import Transaction


def make_tables() -> None:
    """Create the tables as all migrations together make them."""
    for model in SUFFIXES:
        model.create_table(wait=True)
        enable_expiry(model)
    store_layout()


def enable_expiry(model: type[Model]) -> None:
    """Enable Time to Live if the model has it."""
    if model in EXPIRIES:
        table_of(model).update_time_to_live(EXPIRIES[model])


def store_layout() -> None:
    """Store what the migrations store: the schema, the number of lanes and the id counters.

    A number of lanes in the database is raised to LANES if it is lower.
    """
    settings = client.database.settings
    transaction = Transaction()
    transaction.update(
        CounterModel(shared_state.ITEM_NAME),
        [
            CounterModel.lanes.set(CounterModel.lanes | settings.lanes),
            CounterModel.schema.set(schema_version.KNOWN),
            CounterModel.contracted.set(schema_version.KNOWN),
        ],
    )
    transaction.commit()
    lanes.raise_lane_count(settings.lanes)
    for kind in lanes.KINDS:
        counters.set_up(kind)


def set_contracted(number: int) -> None:
    """Store that contract has begun for a migration."""
    transaction = Transaction()
    transaction.update(CounterModel(shared_state.ITEM_NAME), [CounterModel.contracted.set(number)])
    transaction.commit()
    shared_state.forget()
