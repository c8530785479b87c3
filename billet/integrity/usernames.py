"""I3: every reservation of a username belongs to the user with that name."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lookup, shape, wire
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction
from billet.integrity.users import owned, owner_of, reservation_key
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import UserModel, UsernameModel


def check_reservations(page: Sequence[Item]) -> Iterator[Finding]:
    """Yield the confirmed faults of these reservations."""
    readable = [reservation for reservation in page if not shape.faults(UsernameModel, reservation)]
    owners = lookup.fetch(UserModel, [{"id": reservation["user_id"]} for reservation in readable])
    right = {
        lookup.identity(UsernameModel, reservation)
        for reservation in readable
        if owned(
            reservation, owners.get(lookup.identity(UserModel, {"id": reservation["user_id"]}))
        )
    }
    for reservation in page:
        if lookup.identity(UsernameModel, reservation) not in right:
            yield from settled(UsernameModel, lookup.key_of(UsernameModel, reservation), _judge)


def _judge(reservation: Item | None) -> Sequence[Finding]:
    if reservation is None:
        return []
    fault, owner = owner_of(reservation)
    if owner and owned(reservation, owner):
        return []
    key, repair = lookup.key_of(UsernameModel, reservation), partial(_drop, reservation, owner)
    if fault:
        return [Finding("orphan-reservation", UsernameModel, key, f"user_id {fault}", repair)]
    ident = wire.readable(reservation["user_id"])
    if owner and reservation_key(owner) is None:
        detail = f"is the reservation of user {ident}, whose username is unreadable"
        return [Finding("orphan-reservation", UsernameModel, key, detail)]
    detail = f"is a reservation of user {ident}, who does not have this username"
    return [Finding("orphan-reservation", UsernameModel, key, detail, repair)]


def _drop(reservation: Item, owner: Item | None) -> None:
    transaction = RawTransaction()
    if owner:  # their name has not changed
        present = wire.pick(owner, {"id", "username"})
        transaction.check(UserModel, lookup.key_of(UserModel, owner), present)
    expected = wire.pick(reservation, {"name", "user_id"})
    transaction.delete(UsernameModel, lookup.key_of(UsernameModel, reservation), expected)
    transaction.commit()
