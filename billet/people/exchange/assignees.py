"""Find the users that a file names, and create those that are missing."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from billet.people.exchange import identity
from billet.people.exchange.checking import Row, shown
from billet.people.exchange.identity import ReadyRow
from billet.people.exchange.source import Problem, Source
from chalicelib.domain.user import normalize_username
from chalicelib.http import text_rules

if TYPE_CHECKING:
    from billet_client import Client

_MAILBOX = re.compile(r"(.*?)\s*<([^<>]+)>")


class Users:
    """The users of a server by the names that a file has for them.

    A name is a username, or `Ann Lee <ann@example.com>`, of which either may be one, or several
    of these with commas between them.
    """

    def __init__(self, billet: "Client") -> None:
        self._billet = billet
        self._ids: dict[str, int | None] = {}
        self.missing: dict[str, str] = {}
        """The usernames that do not exist, by their normalized forms."""

    def usernames(self, text: str) -> list[str]:
        """Return the usernames that a text stands for, and notice those that are missing.

        Raises:
            ValueError: one of them can't be a username.
        """
        parts = [text] if self._known(text) else [part.strip() for part in text.split(",")]
        return [self._username(part) for part in parts if part]

    def create_missing(self) -> None:
        """Create the users that are missing."""
        for normalized, username in self.missing.items():
            self._ids[normalized] = self._billet.users.create(username).id
        self.missing.clear()

    def ids(self, row: Row) -> tuple[int, ...]:
        """Return the ids of a row's assignees. A user who is still missing has none."""
        names = (name for text in row.assignees for name in self.usernames(text))
        found = (self._ids.get(normalize_username(name)) for name in names)
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _username(self, part: str) -> str:
        candidates = list(_candidates(part))
        username = next(filter(self._known, candidates), candidates[0])
        username = text_rules.clean_username(username, text_rules.MAX_USERNAME)
        normalized = normalize_username(username)
        if self._ids.get(normalized) is None:
            self.missing.setdefault(normalized, username)
        return username

    def _known(self, name: str) -> bool:
        normalized = normalize_username(name.strip())
        if normalized not in self._ids:
            self._ids[normalized] = self._find(name.strip())
        return self._ids[normalized] is not None

    def _find(self, name: str) -> int | None:
        try:
            text_rules.clean_username(name, text_rules.MAX_USERNAME)
        except ValueError:
            return None
        return next((user.id for user in self._billet.users.list(username=name)), None)


def problems(
    rows: Sequence[Row], source: Source, users: Users, *, create: bool
) -> Iterator[Problem]:
    """Yield a problem for each row with too many assignees or names that can't be usernames.

    A user who does not exist is one problem, that of the first row.
    """
    column = source.column("assignees")
    missing: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        names: dict[str, str] = {}
        for text in row.assignees:
            try:
                names |= {normalize_username(name): name for name in users.usernames(text)}
            except ValueError as error:
                reason = str(error).removeprefix("username: ")
                yield Problem(row.line, column, f"{shown(text)} {reason}")
        for normalized in names.keys() & users.missing.keys():
            missing[normalized].append(row.line)
        if len(names) > identity.MAX_ASSIGNEES:
            text = f"must be at most {identity.MAX_ASSIGNEES} users, not {len(names)}"
            yield Problem(row.line, column, text)
    for normalized, lines in () if create else missing.items():
        where = f" (in {len(lines)} {source.unit}s)" if len(lines) > 1 else ""
        text = f"{shown(users.missing[normalized])} is no user{where}"
        yield Problem(
            lines[0], column, f"{text}; --create-users creates the users that are missing"
        )


def ready(rows: Sequence[Row], users: Users) -> list[ReadyRow]:
    """Return the rows with the ids of their assignees."""
    return [ReadyRow(row, users.ids(row)) for row in rows]


def _candidates(part: str) -> Iterator[str]:
    """Yield what may be the username in a part; the first is the one to create."""
    if found := _MAILBOX.fullmatch(part):
        yield found[2].strip()
        yield found[1].strip(' "') or found[2].strip()
    else:
        yield part
