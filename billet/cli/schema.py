"""The schema that commands need which read and write items."""

import click
import msgspec

from billet.cli import target
from billet.migrations import tables
from chalicelib.dynamodb import schema_version


def require(*, readable: bool = True) -> None:
    """Do nothing if this release can work with the database.

    Args:
        readable: False if the item with the version may be broken.

    Raises:
        click.ClickException: it can't.
    """
    try:
        reason = schema_version.read().mismatch
    except msgspec.ValidationError as error:
        if not readable:
            return
        raise click.ClickException(
            "the schema version is broken; `billet doctor --repair` first"
        ) from error
    if reason and tables.describe("counters") is None:
        raise click.ClickException(target.missing())
    if reason:
        raise click.ClickException(reason)
