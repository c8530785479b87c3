"""Checks of options that several commands have."""

import click

from chalicelib.settings import Settings


def table_prefix(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the prefix of tables that an option gives; None if the option is not given.

    An empty one is refused: for the settings it means the default, and a command could use
    other tables than the user expects.

    Raises:
        click.ClickException: it can't be the prefix of tables.
    """
    if value is None:
        return None
    try:
        if not value:
            raise ValueError
        Settings.from_environ({"TABLE_PREFIX": value})
    except ValueError:
        allowed = Settings.allowed("TABLE_PREFIX").replace("up to", "1 to")
        raise click.ClickException(f"{option.opts[0]}: {allowed}") from None
    return value
