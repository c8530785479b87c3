"""I3, every user has the claim to their username; and users are listed where they belong."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import layout, lookup, shape, wire
from billet.integrity.deletes import finish_delete
from billet.integrity.finding import Finding, settled
from billet.integrity.mending import Mending
from billet.integrity.restoring import created_at_of
from billet.integrity.wire import Values
from chalicelib.dynamodb import sort_keys
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import UserModel, UsernameModel
from chalicelib.services.users import MAX_CLAIM_BYTES

PLACE = lookup.place_names(UserModel)


def check_users(page: Sequence[Item]) -> Iterator[Finding]:
    """Yields what is broken about these users, confirmed."""
    claims = lookup.fetch(UsernameModel, filter(None, map(claim_key, page)))
    for user in page:
        if any(_of_user(user, _claim_in(claims, user))):
            yield from settled(UserModel, lookup.key_of(UserModel, user), _judge)


def owned(claim: Item, user: Item | None) -> bool:
    """Whether the claim is the one that the user should have."""
    if user is None or claim.get("user_id") != user["id"]:
        return False
    return claim_key(user) == lookup.key_of(UsernameModel, claim)


def claim_key(user: Item) -> Item | None:
    """The key of the claim that the user should have; None if the username can't be read."""
    username = user.get("username")
    if username is None or shape.misfit(UserModel, "username", username):
        return None
    name = sort_keys.claim(username["S"])
    return {"name": wire.string(name)} if 0 < len(name.encode()) <= MAX_CLAIM_BYTES else None


def _claim_in(claims: dict[tuple[str, ...], Item], user: Item) -> Item | None:
    key = claim_key(user)
    return claims.get(lookup.identity(UsernameModel, key)) if key else None


def _judge(user: Item | None) -> Sequence[Finding]:
    if user is None:
        return []
    key = claim_key(user)
    return list(_of_user(user, lookup.get(UsernameModel, key) if key else None))


def _of_user(user: Item, claim: Item | None) -> Iterator[Finding]:
    key = lookup.key_of(UserModel, user)
    if user.get("going") == {"BOOL": True}:
        repair = partial(finish_delete, user, claim)
        yield Finding("half-deleted", UserModel, key, "is half deleted", repair)
        return
    found = {name: why for name, why in shape.faults(UserModel, user).items() if name not in PLACE}
    values = _restorable(user, found)
    left = {name: why for name, why in found.items() if name not in values}
    for attribute, (kind, value) in values.items():
        detail = shape.told({attribute: found[attribute]})
        yield Finding(kind, UserModel, key, detail, partial(_set, user, {attribute: value}))
    if name := claim_key(user):
        yield from _of_claim(user, name, claim)
    if left:
        yield from _of_faults(user, left)
    elif not found:
        yield from _of_place(user)


def _of_faults(user: Item, left: shape.Faults) -> Iterator[Finding]:
    key = lookup.key_of(UserModel, user)
    kind = "unreadable" if left.keys() & shape.unreadable(UserModel, user).keys() else "invalid"
    yield Finding(kind, UserModel, key, shape.told(left))
    if shown := PLACE & user.keys():
        repair = partial(_set, user, dict.fromkeys(shown))
        detail = "is listed, though it can't be read"
        yield Finding("listed-unreadable", UserModel, key, detail, repair)


def _restorable(user: Item, found: shape.Faults) -> dict[str, tuple[str, lookup.Value | None]]:
    """The attributes whose right values are known, each with the kind of finding and the value."""
    values: dict[str, tuple[str, lookup.Value | None]] = {}
    if "going" in found and user["going"] in ({"BOOL": False}, {"NULL": True}):
        values["going"] = "not-going", None
    if "assigns" in found:
        # Any number will do that a delete under way has not read: it is only compared.
        values["assigns"] = "uncounted", wire.number(1)
    created_at = created_at_of(user)
    if "created_at" in found and created_at:
        values["created_at"] = "unreadable", wire.string(created_at)
    return values


def _of_claim(user: Item, name: Item, claim: Item | None) -> Iterator[Finding]:
    key = lookup.key_of(UserModel, user)
    mend = partial(_claim, user, name, claim)
    username = wire.plain(user["username"])
    if claim is None:
        yield Finding("unclaimed", UserModel, key, f"has no claim to the name {username!r}", mend)
    elif not owned(claim, user):
        _, rival = owner_of(claim)
        if rival and owned(claim, rival):
            ident = wire.plain(rival["id"])
            detail = f"has the name {username!r}, which is user {ident}'s"
            yield Finding("same-name", UserModel, key, detail)
        else:
            detail = f"has the name {username!r}, whose claim names another user or none"
            yield Finding("wrong-claim", UserModel, key, detail, mend)


def owner_of(claim: Item) -> tuple[str | None, Item | None]:
    """What is wrong with the owner that a claim names; else the user, None if there is none."""
    value = claim.get("user_id")
    fault = shape.misfit(UsernameModel, "user_id", value)
    return fault, None if fault or value is None else lookup.get(UserModel, {"id": value})


def _of_place(user: Item) -> Iterator[Finding]:
    place = _place(user)
    if wrong := wire.differing(user, place):
        detail = f"is not in its place in the index: {', '.join(sorted(wrong))}"
        key = lookup.key_of(UserModel, user)
        yield Finding("misplaced", UserModel, key, detail, partial(_set, user, place))


def _place(user: Item) -> Values:
    recency = sort_keys.recency(user["created_at"]["S"], int(user["id"]["N"]))
    return {"lane": wire.number(layout.lane_of(user)), "recency": wire.string(recency)}


def _set(user: Item, values: Values) -> None:
    """Sets attributes, unless they, or the marks of a delete, have changed."""
    mending = Mending()
    same = wire.some(user, {"id", "going", *values})
    mending.update(UserModel, lookup.key_of(UserModel, user), values, same)
    mending.commit()


def _claim(user: Item, name: Item, claim: Item | None) -> None:
    mending = Mending()
    present = wire.some(user, {"id", "username", "going"})
    mending.check(UserModel, lookup.key_of(UserModel, user), present)
    same = wire.some(claim, {"name", "user_id"}) if claim else {"name": None}
    mending.update(UsernameModel, name, {"user_id": user["id"]}, same)
    mending.commit()
