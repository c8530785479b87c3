"""I3: every user has the reservation of their username, and the index keys of users are right."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lane_count, lookup, shape, wire
from billet.integrity.deletes import finish_delete
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction, set_attributes
from billet.integrity.restoring import created_at_of
from billet.integrity.wire import Values
from chalicelib.domain.user import normalize_username
from chalicelib.dynamodb import index_keys
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import MAX_KEY_BYTES, UserModel, UsernameModel

INDEX_KEY_NAMES = lookup.index_key_names(UserModel)


def check_users(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield the confirmed faults of these users."""
    reservations = lookup.fetch(UsernameModel, filter(None, map(reservation_key, page)))
    for user in page:
        if any(_of_user(user, _reservation_in(reservations, user))):
            yield from settled(UserModel, lookup.key_of(UserModel, user), _judge)


def owned(reservation: Item, user: Item | None) -> bool:
    """Return whether the reservation is the one that the user should have."""
    if user is None or reservation.get("user_id") != user["id"]:
        return False
    return reservation_key(user) == lookup.key_of(UsernameModel, reservation)


def reservation_key(user: Item) -> Item | None:
    """Return the key of the reservation that the user should have; None if the name is broken."""
    username = user.get("username")
    if username is None or shape.misfit(UserModel, "username", username):
        return None
    name = normalize_username(username["S"])
    return {"name": wire.string(name)} if 0 < len(name.encode()) <= MAX_KEY_BYTES else None


def _reservation_in(reservations: dict[tuple[str, ...], Item], user: Item) -> Item | None:
    key = reservation_key(user)
    return reservations.get(lookup.identity(UsernameModel, key)) if key else None


def _judge(user: Item | None) -> Sequence[Finding]:
    if user is None:
        return []
    key = reservation_key(user)
    return list(_of_user(user, lookup.get(UsernameModel, key) if key else None))


def _of_user(user: Item, reservation: Item | None) -> Iterator[Finding]:
    key = lookup.key_of(UserModel, user)
    if user.get("going") == {"BOOL": True}:
        repair = partial(finish_delete, user, reservation)
        yield Finding("half-deleted", UserModel, key, "is half deleted", repair)
        return
    faults = {
        name: why
        for name, why in shape.faults(UserModel, user).items()
        if name not in INDEX_KEY_NAMES
    }
    values = _restorable_user_values(user, faults)
    left = {name: why for name, why in faults.items() if name not in values}
    for attribute, (kind, value) in values.items():
        detail = shape.describe({attribute: faults[attribute]})
        yield Finding(
            kind, UserModel, key, detail, partial(set_user_attributes, user, {attribute: value})
        )
    if name := reservation_key(user):
        yield from _of_reservation(user, name, reservation)
    if left:
        yield from _of_faults(user, left)
    elif not faults:
        yield from _of_index_keys(user)


def _of_faults(user: Item, left: shape.Faults) -> Iterator[Finding]:
    key = lookup.key_of(UserModel, user)
    readable = shape.unreadable(UserModel, user).keys().isdisjoint(left)
    yield Finding("invalid" if readable else "unreadable", UserModel, key, shape.describe(left))
    shown = INDEX_KEY_NAMES & user.keys()
    if shown and not readable:
        repair = partial(set_user_attributes, user, dict.fromkeys(shown))
        detail = "is in an index, but is unreadable"
        yield Finding("listed-unreadable", UserModel, key, detail, repair)


def _restorable_user_values(
    user: Item, faults: shape.Faults
) -> dict[str, tuple[str, lookup.Value | None]]:
    """Return the attributes whose right values are known, with kind of finding and value."""
    values: dict[str, tuple[str, lookup.Value | None]] = {}
    if "going" in faults and user["going"] in ({"BOOL": False}, {"NULL": True}):
        values["going"] = "not-going", None
    if "assigns" in faults:
        # Any number that a running delete has not read will do, because it is only compared.
        values["assigns"] = "uncounted", wire.number(1)
    if "version" in faults:
        values["version"] = "invalid", wire.number(1)
    if "feed_digest" in faults:
        values["feed_digest"] = "broken-feed", None
    created_at = created_at_of(user)
    if "created_at" in faults and created_at:
        values["created_at"] = "unreadable", wire.string(created_at)
    return values


def _of_reservation(user: Item, name: Item, reservation: Item | None) -> Iterator[Finding]:
    key = lookup.key_of(UserModel, user)
    repair = partial(_reserve, user, name, reservation)
    username = wire.readable(user["username"])
    if reservation is None:
        yield Finding(
            "unreserved", UserModel, key, f"has no reservation of the username {username!r}", repair
        )
    elif not owned(reservation, user):
        _, rival = owner_of(reservation)
        if rival and owned(reservation, rival):
            ident = wire.readable(rival["id"])
            detail = f"has the same username as user {ident}: {username!r}"
            yield Finding("same-name", UserModel, key, detail)
        else:
            detail = (
                f"has the username {username!r}, but its reservation names another user or none"
            )
            yield Finding("wrong-reservation", UserModel, key, detail, repair)


def owner_of(reservation: Item) -> tuple[str | None, Item | None]:
    """Return what is wrong with the owner in a reservation, and the user if they exist."""
    value = reservation.get("user_id")
    fault = shape.misfit(UsernameModel, "user_id", value)
    return fault, None if fault or value is None else lookup.get(UserModel, {"id": value})


def _of_index_keys(user: Item) -> Iterator[Finding]:
    right = _user_index_keys(user)
    if wrong := wire.differing(user, right):
        detail = f"has wrong index keys: {', '.join(sorted(wrong))}"
        key = lookup.key_of(UserModel, user)
        yield Finding(
            "misplaced", UserModel, key, detail, partial(set_user_attributes, user, right)
        )


def _user_index_keys(user: Item) -> Values:
    created_key = index_keys.created_key(user["created_at"]["S"], int(user["id"]["N"]))
    return {"lane": wire.number(lane_count.lane_of(user)), "recency": wire.string(created_key)}


def set_user_attributes(user: Item, values: Values) -> None:
    """Set attributes, unless they, or the mark of a delete, have changed."""
    set_attributes(UserModel, user, values, {"going"})


def _reserve(user: Item, name: Item, reservation: Item | None) -> None:
    transaction = RawTransaction()
    present = wire.pick(user, {"id", "username", "going"})
    transaction.check(UserModel, lookup.key_of(UserModel, user), present)
    expected = wire.pick(reservation, {"name", "user_id"}) if reservation else {"name": None}
    transaction.update(UsernameModel, name, {"user_id": user["id"]}, expected)
    transaction.commit()
