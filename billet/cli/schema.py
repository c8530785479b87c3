"""The schema that commands need which read and write items."""

import click
import msgspec

from billet.cli import target
from billet.migrations import tables
from chalicelib.dynamodb import schema_version


def require(*, readable: bool = True, advice: str = "") -> None:
    """Do nothing if this release can work with the database.

    Args:
        readable: False if the item with the version may be broken.
        advice: what else can be done if the database has no version.

    Raises:
        click.ClickException: it can't.
    """
    try:
        stored = schema_version.read()
    except msgspec.ValidationError as error:
        if not readable:
            return
        raise click.ClickException(
            "the schema version is broken; run `billet doctor --repair` first"
        ) from error
    if not stored.mismatch:
        return
    if tables.describe("counters") is None:
        raise click.ClickException(target.missing())
    raise click.ClickException(stored.mismatch + ("" if stored.schema else advice))
