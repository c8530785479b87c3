"""Commands that end as a shell expects."""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import click

MAX_ID = 2**53 - 1
"""The highest id of the API."""
INTERRUPTED = 130
"""128 + SIGINT."""
MAY_BE_EMPTY = ("desc",)
"""The parameters whose text may be empty."""
FAILING = ("strict", "surrogateescape")
"""The handlers of errors with which a stream can raise a UnicodeError."""


class WrongUsage(click.ClickException):
    """The command lacks something that the user must give. No usage is shown for it."""

    exit_code = click.UsageError.exit_code


class NothingDone(click.ClickException):
    """The user says no to a question."""

    def __init__(self) -> None:
        super().__init__("nothing was changed")


class PeopleCommand(click.Command):
    """A command that exits with 130 after Ctrl-C, and ignores no option that is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _accept_all_characters()
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise self._with_hint(error) from None
        if not ctx.resilient_parsing:
            values, _, order = self.make_parser(ctx).parse_args(given)
            _refuse_ignored(order, ctx)
            for parameter in self.params:
                _refuse_text(parameter, values.get(parameter.name or ""), ctx)
        return rest

    def _with_hint(self, error: click.NoSuchOption) -> click.UsageError:
        """Return the error, which says how to give a text that looks like an option."""
        takes_text = any(
            isinstance(one, click.Argument) and one.type is click.STRING for one in self.params
        )
        if not takes_text:
            return error
        hint = "Text that begins with a hyphen comes last, after --."
        return click.UsageError(f"{error.format_message()} {hint}", error.ctx)

    def invoke(self, ctx: click.Context) -> Any:
        with _interruptible():
            return super().invoke(ctx)


class PeopleGroup(click.Group):
    """A group of such commands."""

    command_class = PeopleCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _accept_all_characters()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        with near_names(self, ctx, args):
            return super().resolve_command(ctx, args)


@contextmanager
def near_names(group: click.Group, ctx: click.Context, args: list[str]) -> Iterator[None]:
    """Let the error about an unknown command name those that are near, also if they load late."""
    try:
        yield
    except click.UsageError as error:
        near = get_close_matches(args[0], group.list_commands(ctx))
        if near and error.message.startswith("No such command"):
            names = " or ".join(map(repr, near))
            error = click.UsageError(
                f"no command is called {args[0]!r}; did you mean {names}?", ctx
            )
        raise error from None


class TaskId(click.ParamType):  # type: ignore[type-arg]
    """The id of a task."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not (str(value).isascii() and str(value).isdigit() and 0 < int(value) <= MAX_ID):
            self.fail(f"must be the number of a task, not {value!r}", param, ctx)
        return int(value)


def _refuse_ignored(order: Sequence[click.Parameter], ctx: click.Context) -> None:
    """Refuse options of which click would take the last one.

    Args:
        order: the parameters as they are given.

    Raises:
        click.UsageError: one is given twice, or two have one value.
    """
    last: dict[str | None, click.Option] = {}
    for option in order:
        if not isinstance(option, click.Option) or option.multiple:
            continue
        before = last.setdefault(option.name, option)
        last[option.name] = option
        if before is not option:
            raise click.UsageError(f"give only one of {before.opts[0]} and {option.opts[0]}", ctx)
        if not option.is_flag and order.count(option) > 1:
            raise click.UsageError(f"give {option.opts[0]} only once", ctx)


def _refuse_text(parameter: click.Parameter, given: Any, ctx: click.Context) -> None:
    """Refuse an empty text, as a script with an empty variable gives it, and one in no encoding.

    Args:
        given: the text, or several.

    Raises:
        click.BadParameter: a text is not valid.
    """
    for text in given if isinstance(given, list | tuple) else (given,):
        if not isinstance(text, str):
            continue
        if not text.strip() and parameter.name not in MAY_BE_EMPTY:
            raise click.BadParameter("must not be empty", ctx, parameter)
        if not isinstance(parameter.type, click.Path) and (wrong := wrong_encoding(text)):
            raise click.BadParameter(wrong, ctx, parameter)


def wrong_encoding(text: str) -> str | None:
    """Return what is wrong with an argument or variable that is not UTF-8; None if it is."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) & 0xFF
        return f"must be UTF-8, and has the byte 0x{byte:02x}"
    return None


def _accept_all_characters() -> None:
    """Write characters that the output can't encode as escapes; replace bytes of wrong input."""
    streams: dict[Any, str] = {
        sys.stdin: "replace",
        sys.stdout: "backslashreplace",
        sys.stderr: "backslashreplace",
    }
    for stream, errors in streams.items():
        if isinstance(stream, io.TextIOWrapper) and stream.errors in FAILING:
            stream.reconfigure(errors=errors)


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
