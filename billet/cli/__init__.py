"""The command line `billet`, and its commands doctor, migrate, seed and token.

`billet --help` and completion import this module; it imports nothing that takes long.
"""

import importlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from billet import __version__
from billet.emulators import local_server
from billet.extras import install_command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from chalicelib.settings import Settings

PEOPLE_COMMANDS = {
    "board": "billet.people.board:board",
    "completion": "billet.people.completion:completion",
    "login": "billet.people.login:login",
    "logout": "billet.people.login:logout",
    "task": "billet.people.tasks:task",
    "user": "billet.people.users:user",
}
"""The commands of the people who do the tasks. They use the API, and no settings of it."""
OPERATOR_COMMANDS = {
    "backup": "billet.backup.commands:backup",
    "bench": "billet.benchmark:bench",
    "deploy": "billet.deploy.command:deploy",
    "destroy": "billet.deploy.destroy:destroy",
    "doctor": "billet.cli.doctor:doctor",
    "dynamodb-local": "billet.emulators.dynamodb_local:download_command",
    "explain": "billet.explain.command:explain",
    "export": "billet.transfer.commands:export_command",
    "import": "billet.transfer.commands:import_command",
    "migrate": "billet.cli.migrate:migrate",
    "openapi": "billet.openapi:openapi",
    "package": "billet.package:package",
    "seed": "billet.cli.seed:seed",
    "serve": "billet.serve.command:serve",
    "token": "billet.cli.tokens:token",
    "top": "billet.top.command:top",
}
COMMANDS = PEOPLE_COMMANDS | OPERATOR_COMMANDS
DATABASE_COMMANDS = ("backup", "doctor", "explain", "export", "import", "migrate", "seed", "token")
"""They use the database of the local server unless AWS variables name another one."""


class _LazyGroup(click.Group):
    """A group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        settings = None if cmd_name in PEOPLE_COMMANDS else _settings(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            return _unavailable_command(cmd_name, _install_hint(error))
        if settings and cmd_name in DATABASE_COMMANDS:
            _bind(settings)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from billet.people.command import near_names

        with near_names(self, ctx, args):
            return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete the names of commands without importing them, which takes a second."""
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*map(CompletionItem, names), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        for title, commands in (("Tasks", PEOPLE_COMMANDS), ("Operation", OPERATOR_COMMANDS)):
            found = [(name, self.get_command(ctx, name)) for name in sorted(commands)]
            rows = [(name, one.get_short_help_str(limit)) for name, one in found if one]
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise click.ClickException(_install_hint(error)) from error
        except click.BadParameter as error:
            raise _without_usage(error) from error


def _settings(ctx: click.Context, command: str) -> "Settings":
    """Return the settings of the API, which an operator's command has too."""
    from chalicelib.settings import Settings

    if command in DATABASE_COMMANDS:
        ctx.obj = local_server.use_running_server(ctx.params.get("data", local_server.DATA))
    try:
        return Settings.from_environ(os.environ)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _bind(settings: "Settings") -> None:
    from billet.cli.errors import aws_errors
    from chalicelib.dynamodb import client

    with aws_errors():
        client.bind(settings)


class _OptionError(click.ClickException):
    exit_code = click.UsageError.exit_code


def _without_usage(error: click.BadParameter) -> click.ClickException:
    """Return an error that says what is allowed; click's has the usage before it."""
    if error.param is None or isinstance(error, click.MissingParameter):
        return error
    return _OptionError(f"{_name(error.param)}: {_allowed_values(error.param.type, error)}")


def _name(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.human_readable_name


def _allowed_values(kind: object, error: click.BadParameter) -> str:
    if isinstance(kind, click.IntRange):
        from chalicelib.settings import between

        return between(kind.min, kind.max)
    if kind is click.INT:
        return "must be a whole number"
    if isinstance(kind, click.Choice):
        return f"must be one of {', '.join(kind.choices)}"
    return error.message


def _install_hint(error: ModuleNotFoundError) -> str:
    return f"{error.name} is not installed; do: {install_command('dev')}"


def _unavailable_command(name: str, reason: str) -> click.Command:
    """Return a command that fails with the reason, whatever its arguments are."""

    def fail(arguments: tuple[str, ...]) -> None:
        raise click.ClickException(reason)

    return click.Command(
        name,
        callback=fail,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
        short_help="(needs libraries that are not installed)",
    )


@click.group(cls=_LazyGroup)
@click.version_option(__version__, prog_name="billet")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=local_server.DATA,
    show_default=True,
    help="Data folder of the local server. The database commands use its database, unless "
    "AWS variables name another one; top reads its requests.",
)
def main(data: Path) -> None:
    """Keep tasks, and run and operate Billet Tasks."""
    # A command reports its errors itself; without a handler Python prints warnings to stderr, too.
    logging.getLogger("chalicelib").addHandler(logging.NullHandler())
