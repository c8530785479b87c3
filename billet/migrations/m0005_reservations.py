"""Usernames are reserved in the normalized form of Unicode 3.13, D146.

The first release reserved NFKC(casefold(NFKC(name))), which differs for names with U+0345 between
combining marks. While both releases run, a user has both reservations, so that each of them refuses
the name. Contract removes the old ones.
"""

import unicodedata
from collections.abc import Iterator

from billet.migrations.database import Item, Write, check, delete, get, put
from billet.migrations.migration import Migration, Scan


def normalize(username: str) -> str:
    """Return the username as D146 normalizes it, in the form NFKC."""
    folded = unicodedata.normalize("NFD", username)
    for _ in range(2):
        folded = unicodedata.normalize("NFKD", folded.casefold())
    return unicodedata.normalize("NFKC", folded)


def normalize_as_first_release(username: str) -> str:
    """Return the username as the first release normalizes it."""
    folded = unicodedata.normalize("NFKC", username).casefold()
    return unicodedata.normalize("NFKC", folded)


def reserve(user: Item) -> Iterator[Write]:
    """Yield the new reservation of a user, unless another user has it; doctor reports that."""
    username = user["username"]["S"]
    name = normalize(username)
    if name == normalize_as_first_release(username) or get("usernames", {"name": {"S": name}}):
        return
    reservation = {"name": {"S": name}, "user_id": user["id"]}
    yield check("users", {"id": user["id"]}, "username = :name", {":name": user["username"]})
    # `name` is a reserved word, so the condition names the other attribute.
    yield put("usernames", reservation, "attribute_not_exists(user_id)")


def remove_old(reservation: Item) -> Iterator[Write]:
    """Yield the removal of a reservation in a form that is not its user's."""
    user = get("users", {"id": reservation["user_id"]})
    if user and normalize(user["username"]["S"]) == reservation["name"]["S"]:
        return
    yield delete(
        "usernames",
        {"name": reservation["name"]},
        "user_id = :user",
        {":user": reservation["user_id"]},
    )


MIGRATION = Migration(
    file=__file__,
    title="reserve usernames in the form of Unicode D146",
    scans=(Scan("users", reserve, units=4),),
    removals=(Scan("usernames", remove_old, units=1),),
)
