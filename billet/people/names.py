"""Users in arguments: by username, by id, or as @me."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

import click

from billet.people import session, text
from billet.people.command import MAX_ID

if TYPE_CHECKING:
    from billet_client import Client, User

ME = "@me"
SEARCHED = 500
"""How many users are compared with an unknown name."""
PAGE = 100


def user_ids(billet: "Client", names: Iterable[str]) -> list[int]:
    """Return the ids of users, each once.

    `@me` is who one is. Digits are an id, or else the user who is called so.

    Raises:
        click.ClickException: a username does not exist, or digits are the id of one user and the
            name of another.
    """
    return list(dict.fromkeys(user_id(billet, name) for name in names))


def user_id(billet: "Client", name: str) -> int:
    """Return the id of a user; see `user_ids`."""
    me = session.me() if name == ME else name
    if isinstance(me, int):
        return me
    named = next(iter(billet.users.list(username=me)), None)
    if (number := _number(me)) is not None:
        return number if named is None else _one_of(billet, number, named)
    if named is None:
        raise click.ClickException(f"no user is called {me!r}; {_hint(billet, me)}")
    return named.id


def _number(name: str) -> int | None:
    """Return the id that a name may be."""
    if not (name.isascii() and name.isdigit() and len(name) <= len(str(MAX_ID))):
        return None
    return int(name) if 0 < int(name) <= MAX_ID else None


def _one_of(billet: "Client", number: int, named: "User") -> int:
    """Return the id of the one user whom digits stand for.

    Raises:
        click.ClickException: they are the id of another user than `named`.
    """
    from billet_client import NotFound

    if named.id == number:
        return number
    try:
        other = billet.users.get(number)
    except NotFound:
        return named.id
    raise click.ClickException(
        f"'{number}' could be user {number}, {text.one_line(other.username)}, or user {named.id}, "
        f"{text.one_line(named.username)}; give the username of the first, or the id of the second"
    )


def _hint(billet: "Client", name: str) -> str:
    if "," in name:
        return "give one user at a time, as in `--assign ann --assign bob`"
    known = {user.username.casefold(): user.username for user in _first_users(billet)}
    wanted = name.casefold()
    containing = [key for key in known if wanted in key]
    near = dict.fromkeys(containing[:3] + get_close_matches(wanted, known, n=3))
    if near:
        return f"did you mean {', '.join(known[key] for key in near)}?"
    return "`billet user list` shows who exists, `billet user add` adds someone"


def _first_users(billet: "Client") -> Iterable["User"]:
    return islice(billet.users.list(page_size=PAGE), SEARCHED)


def usernames(billet: "Client", ids: Iterable[int]) -> dict[int, str]:
    """Return the usernames of users. A user who has just been deleted is not in it."""
    from billet_client import NotFound

    wanted = set(ids)
    if not wanted:
        return {}
    names = {user.id: user.username for user in islice(billet.users.list(page_size=PAGE), PAGE)}
    for user in wanted - names.keys():
        try:
            names[user] = billet.users.get(user).username
        except NotFound:
            continue
    return names
