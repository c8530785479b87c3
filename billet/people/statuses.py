"""Statuses as people write them: `done`, `in-progress`, `open`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from billet_client import Status as ApiStatus

OPEN: "tuple[ApiStatus, ...]" = ("PENDING", "IN_PROGRESS")
CLOSED: "tuple[ApiStatus, ...]" = ("DONE", "CANCELLED")
ALL = OPEN + CLOSED
GROUPS = {"OPEN": OPEN, "CLOSED": CLOSED, "ALL": ALL}


class Status(click.ParamType):  # type: ignore[type-arg]
    """One status, in the API's spelling."""

    name = "status"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        return _completed(ALL, incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        status = _spelled(value)
        if status not in ALL:
            self.fail(f"must be one of {_words(ALL)}, not {value!r}", param, ctx)
        return status


class Statuses(click.ParamType):  # type: ignore[type-arg]
    """Several statuses, comma-separated, or a group of them; as a tuple without duplicates."""

    name = "status,…"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        return _completed((*GROUPS, *ALL), incomplete)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        found: list[str] = []
        for word in map(_spelled, value.split(",")):
            if word not in GROUPS and word not in ALL:
                self.fail(
                    f"must be {_words(GROUPS)}, or some of {_words(ALL)}, not {value!r}", param, ctx
                )
            found += GROUPS.get(word, (word,))
        return tuple(dict.fromkeys(found))


def _spelled(text: str) -> str:
    return text.strip().upper().replace("-", "_").replace(" ", "_")


def _completed(names: Iterable[str], incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    words = [name.lower() for name in names]
    return [CompletionItem(word) for word in words if word.startswith(incomplete.lower())]


def _words(names: Iterable[str]) -> str:
    return ", ".join(names).lower()
