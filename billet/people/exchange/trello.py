"""Trello's JSON: "Export as JSON" of a board."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from billet.people.exchange import statuses
from billet.people.exchange.source import FileError, Source, SourceTask

if TYPE_CHECKING:
    from billet_client import Status

_HEADER = re.compile(r'"kind": ?"header"')
"""In the first line of a file of `billet export`."""
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_PATH = re.compile(r" - at `\$(.*)`")


class _Named(msgspec.Struct):
    id: str
    name: str = ""
    closed: bool = False


class _Member(msgspec.Struct):
    id: str
    username: str = ""


class _CheckItem(msgspec.Struct):
    name: str = ""
    state: str = ""


class _Checklist(msgspec.Struct):
    id: str
    name: str = ""
    check_items: list[_CheckItem] = msgspec.field(name="checkItems", default_factory=list)


class _Card(msgspec.Struct, rename="camel"):
    name: str
    desc: str = ""
    due: str | None = None
    due_complete: bool = False
    closed: bool = False
    is_template: bool = False
    id_list: str = ""
    id_members: list[str] = []
    id_checklists: list[str] = []


class _Board(msgspec.Struct):
    cards: list[_Card]
    lists: list[_Named]
    name: str = ""
    members: list[_Member] = []
    checklists: list[_Checklist] = []


def read(text: str, more: Mapping[str, "Status"], *, archived: bool = False) -> Source:
    """Return the cards of a board. `line` is the number of the card.

    Args:
        more: the statuses of lists by name, as `words.plain` makes it.
        archived: take archived cards, and those of archived lists, too.

    Raises:
        FileError: the file is no export of a board.
    """
    board = _board(text)
    source = Source(kind=f"Trello board {board.name}".rstrip(), unit="card")
    source.columns = {"assignees": "members"}
    lists = {one.id: one for one in board.lists}
    members = {one.id: one.username or one.id for one in board.members}
    checklists = {one.id: one for one in board.checklists}
    for number, card in enumerate(board.cards, 1):
        home = lists.get(card.id_list, _Named(id=""))
        if card.is_template:
            source.left_out["templates"] += 1
        elif (card.closed or home.closed) and not archived:
            source.left_out["archived cards (--archived imports them)"] += 1
        else:
            source.add(
                SourceTask(
                    line=number,
                    name=card.name,
                    desc=_desc(card, checklists),
                    due=card.due or "",
                    status=_status(card, home, more, source),
                    assignees=tuple(members.get(one, one) for one in card.id_members),
                )
            )
    return source


def _board(text: str) -> _Board:
    try:
        _refuse_own(text)
        return msgspec.json.decode(text, type=_Board)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        where = found[1].lstrip(".") if found else "the file"
        if missing := _MISSING.match(str(error)):
            text = f"has no {missing[1]}, as boards have that Trello exports as JSON"
        else:
            text = "is not as in a board that Trello exports as JSON"
        raise FileError(f"{where}: {text}") from error
    except msgspec.DecodeError as error:
        raise FileError(f"the file is not valid JSON ({error})") from error
    except RecursionError as error:
        raise FileError("the file is nested too deeply") from error


def _refuse_own(text: str) -> None:
    """Refuse JSON that this program has written.

    Raises:
        FileError: it has.
        msgspec.DecodeError: it is no JSON.
    """
    if text.lstrip().startswith("["):
        msgspec.json.decode(text)
        raise FileError(
            "an export as JSON cannot be imported again; `billet task export --csv` writes a file "
            "that can, and of JSON files only Trello's can be imported"
        )
    first, _, _ = text[:1000].partition("\n")
    if _HEADER.search(first):
        raise FileError(
            "the file is a copy of a database by `billet export`; `billet import` reads it"
        )


def _status(card: _Card, home: _Named, more: Mapping[str, "Status"], source: Source) -> str:
    """Return the status: DONE if the due date is complete, else what the list's name means."""
    if card.due_complete:
        return "DONE"
    status = statuses.parse(home.name, more)
    if status is None:
        option = f"--map-status '{home.name}=STATUS'"
        note = f"list {home.name}: its cards become PENDING ({option} changes that)"
        source.notes += [] if note in source.notes else [note]
    return status or "PENDING"


def _desc(card: _Card, checklists: dict[str, _Checklist]) -> str:
    """Return the description, followed by the checklists as Markdown."""
    parts = [card.desc]
    for one in (checklists[key] for key in card.id_checklists if key in checklists):
        lines = [f"{one.name}:" if one.name else ""]
        lines += [
            f"- [{'x' if item.state == 'complete' else ' '}] {item.name}"
            for item in one.check_items
        ]
        parts.append("\n".join(filter(None, lines)))
    return "\n\n".join(filter(None, parts))
