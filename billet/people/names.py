"""Users in arguments: by username, by id, or as @me."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

import click

from billet.people import session

if TYPE_CHECKING:
    from billet_client import Client, User

ME = "@me"
SEARCHED = 500
"""How many users are compared with an unknown name."""
PAGE = 100


def user_ids(billet: "Client", names: Iterable[str]) -> list[int]:
    """Return the ids of users, each once. Digits are an id, `@me` is who one is.

    Raises:
        click.ClickException: a username does not exist.
    """
    return list(dict.fromkeys(user_id(billet, name) for name in names))


def user_id(billet: "Client", name: str) -> int:
    """Return the id of a user; see `user_ids`."""
    name = session.me() if name == ME else name
    if name.isascii() and name.isdigit():
        return int(name)
    for user in billet.users.list(username=name):
        return user.id
    raise click.ClickException(f"no user is called {name!r}; {_hint(billet, name)}")


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
