"""The operator's commands."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from billet.emulators import local_server
from chalicelib.settings import Settings

COMMANDS = {
    "bench": "billet.benchmark:bench",
    "doctor": "billet.cli.doctor:doctor",
    "dynamodb-local": "billet.emulators.dynamodb_local:download_command",
    "openapi": "billet.openapi:openapi",
    "package": "billet.package:package",
    "seed": "billet.cli.seed:seed",
    "serve": "billet.serve:serve",
    "tables": "billet.cli.tables:tables",
    "token": "billet.cli.tokens:token",
}
ON_A_DATABASE = ("doctor", "seed", "tables", "token")
"""They use the local server's database unless AWS's variables name another."""
REQUIREMENTS = Path(__file__).parents[2] / "requirements-dev.txt"


class _LazyGroup(click.Group):
    """Imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in ON_A_DATABASE:
            ctx.obj = local_server.use_running_server(ctx.params.get("data", local_server.DATA))
        try:
            Settings.from_environ(os.environ)  # which the modules of storage read at import
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        module, _, name = COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            return _unavailable(cmd_name, _missing(error))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise click.ClickException(_missing(error)) from error


def _missing(error: ModuleNotFoundError) -> str:
    pip = f"{sys.executable} -m pip install -r {REQUIREMENTS}"
    return f"{error.name} is not installed; do: {pip}"


def _unavailable(name: str, reason: str) -> click.Command:
    """A command that only says why it can't run, whatever its arguments."""

    def refuse(arguments: tuple[str, ...]) -> None:
        raise click.ClickException(reason)

    return click.Command(
        name,
        callback=refuse,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
        short_help="Needs libraries that are not installed.",
    )


@click.group(cls=_LazyGroup)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=local_server.DATA,
    show_default=True,
    help="The data folder of the local server whose database doctor, seed, tables and token use, "
    "unless AWS's variables name another.",
)
def main(data: Path) -> None:
    """Runs and looks after Billet Tasks."""
