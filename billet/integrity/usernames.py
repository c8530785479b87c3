"""I3, every claim to a username belongs to the user whose name it is."""

from collections.abc import Iterator, Sequence
from functools import partial

from billet.integrity import lookup, shape, wire
from billet.integrity.finding import Finding, settled
from billet.integrity.raw_transaction import RawTransaction
from billet.integrity.users import claim_key, owned, owner_of
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import UserModel, UsernameModel


def check_claims(page: Sequence[Item]) -> Iterator[Finding]:
    """Yields what is broken about these claims, confirmed."""
    readable = [claim for claim in page if not shape.faults(UsernameModel, claim)]
    owners = lookup.fetch(UserModel, [{"id": claim["user_id"]} for claim in readable])
    right = {
        lookup.identity(UsernameModel, claim)
        for claim in readable
        if owned(claim, owners.get(lookup.identity(UserModel, {"id": claim["user_id"]})))
    }
    for claim in page:
        if lookup.identity(UsernameModel, claim) not in right:
            yield from settled(UsernameModel, lookup.key_of(UsernameModel, claim), _judge)


def _judge(claim: Item | None) -> Sequence[Finding]:
    if claim is None:
        return []
    fault, owner = owner_of(claim)
    if owner and owned(claim, owner):
        return []
    key, repair = lookup.key_of(UsernameModel, claim), partial(_drop, claim)
    if fault:
        return [Finding("orphan-claim", UsernameModel, key, f"user_id {fault}", repair)]
    ident = wire.plain(claim["user_id"])
    if owner and claim_key(owner) is None:
        detail = f"is the claim of user {ident}, whose username can't be read"
        return [Finding("orphan-claim", UsernameModel, key, detail)]
    detail = f"is a claim of user {ident}, and belongs to no such user"
    return [Finding("orphan-claim", UsernameModel, key, detail, repair)]


def _drop(claim: Item) -> None:
    transaction = RawTransaction()
    same = wire.some(claim, {"name", "user_id"})
    transaction.delete(UsernameModel, lookup.key_of(UsernameModel, claim), same)
    transaction.commit()
