"""Making the tables, and telling how they are."""

from collections.abc import Iterator

from pynamodb.exceptions import TableDoesNotExist
from pynamodb.models import Model

from chalicelib.storage import ids
from chalicelib.storage.tables import SUFFIXES

KINDS = ("users", "tasks")


def create() -> Iterator[tuple[str, bool]]:
    """Makes what is missing and waits until it is active.

    Yields each table's name, and whether it had to be made. The id counters are laid out too.
    """
    for model in SUFFIXES:
        missing = status(model) != "ACTIVE"
        if missing:
            model.create_table(wait=True)
        yield model.Meta.table_name, missing
    for kind in KINDS:
        ids.lay_out(kind)


def status(model: type[Model]) -> str:
    """DynamoDB's word for the table's state, or "MISSING"."""
    try:
        return str(model.describe_table()["TableStatus"])
    except TableDoesNotExist:
        return "MISSING"
