"""The options of `billet task import` that have a form of their own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from billet.people.exchange import columns
from billet.people.exchange.source import FIELDS, Field
from billet.people.exchange.statuses import STATUSES
from billet.people.exchange.words import plain

if TYPE_CHECKING:
    from billet_client import Status


def mapping(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[Field, str]:
    """Return the column of each field of `--map due="Fällig am"`."""
    found: dict[Field, str] = {}
    for value in values:
        name, separator, column = value.partition("=")
        field = columns.field_named(name)
        if not separator or field is None:
            raise click.BadParameter(
                f"must be FIELD=COLUMN, such as due='Fällig am', with one of {', '.join(FIELDS)}",
                context,
                option,
            )
        found[field] = column
    return found


def statuses(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, "Status"]:
    """Return the statuses of `--map-status Blocked=PENDING`, by word."""
    by_name: dict[str, Status] = {plain(status): status for status in STATUSES}
    found: dict[str, Status] = {}
    for value in values:
        word, _, name = value.rpartition("=")
        if not word or plain(name) not in by_name:
            raise click.BadParameter(
                f"must be WORD=STATUS, such as Blocked=PENDING, with one of {', '.join(STATUSES)}",
                context,
                option,
            )
        found[plain(word)] = by_name[plain(name)]
    return found


class _Column(click.ParamType):  # type: ignore[type-arg]
    """A column by its number or heading. 0 stands for none, if that is allowed."""

    name = "column"

    def __init__(self, header: Sequence[str], least: int) -> None:
        self._header = header
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip()
        if text.isascii() and text.isdigit() and len(text) < 10:
            number = int(text)
            if self._least <= number <= len(self._header):
                return number
        headings = [plain(one) for one in self._header]
        if not plain(text) or plain(text) not in headings:
            self.fail(
                f"{str(value)!r} must be a number from {'1' if self._least else '0 (none)'} to "
                f"{len(headings)}, or one of {columns.listed(self._header)}",
                param,
                ctx,
            )
        return headings.index(plain(text)) + 1


def ask_for_columns(header: Sequence[str], chosen: Mapping[Field, int]) -> dict[Field, int]:
    """Ask which column is which field."""
    for number, name in enumerate(header, 1):
        click.echo(f"{number:4}  {name or '(no name)'}", err=True)
    click.echo(
        "Which column is which? Give the number or the heading; 0 stands for none.", err=True
    )
    found: dict[Field, int] = {}
    for field in FIELDS:
        least = 1 if field == "name" else 0
        default: Any = chosen[field] + 1 if field in chosen else None if least else 0
        number = click.prompt(
            f"Column of {field}", type=_Column(header, least), default=default, err=True
        )
        if number:
            found[field] = number - 1
    return found
