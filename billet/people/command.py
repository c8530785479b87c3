"""Commands that end as a shell expects."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

INTERRUPTED = 130
"""128 + SIGINT."""


class WrongUsage(click.ClickException):
    """The command lacks something that the user must give. No usage is shown for it."""

    exit_code = click.UsageError.exit_code


class NothingDone(click.ClickException):
    """The user says no to a question."""

    def __init__(self) -> None:
        super().__init__("nothing was changed")


class PeopleCommand(click.Command):
    """A command that exits with 130 after Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        with _interruptible():
            return super().invoke(ctx)


class PeopleGroup(click.Group):
    """A group of such commands."""

    command_class = PeopleCommand


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, click.Abort):  # click.Abort: Ctrl-C or Ctrl-D at a question
        click.echo(err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


def json_option(command: Any) -> Any:
    """Give a command the option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")(command)
