"""The operator's commands."""

import importlib
import os

import click

from chalicelib.settings import Settings

COMMANDS = {
    "bench": "billet.bench:bench",
    "doctor": "billet.doctor:doctor",
    "dynamodb-local": "billet.dynamodb_local:fetch_command",
    "openapi": "billet.openapi:openapi",
    "package": "billet.package:package",
    "seed": "billet.seed:seed",
    "serve": "billet.serve:serve",
    "tables": "billet.tables:tables",
    "token": "billet.token:token",
}


class _LazyGroup(click.Group):
    """Imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        try:
            Settings.from_environ(os.environ)  # which the modules of storage read at import
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_LazyGroup)
def main() -> None:
    """Runs and looks after Billet Tasks."""
