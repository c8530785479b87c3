"""I3, users and claims to usernames match one to one; and users are listed where they belong."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from billet.invariants import lookup
from billet.invariants.finding import Finding, confirmed, differing, lacking
from chalicelib import users
from chalicelib.storage import keys, lanes
from chalicelib.storage.changes import Change, setting
from chalicelib.storage.tables import UserModel, UsernameModel

Claims = Mapping[str, UsernameModel]


def check_users(page: Sequence[UserModel]) -> Iterator[Finding]:
    """What is broken about these users, confirmed."""
    claims = _claims(page)
    for user in page:
        if any(_of_user(user, claims)):
            yield from confirmed(UserModel, user.id, _judge_user)


def check_claims(page: Sequence[UsernameModel]) -> Iterator[Finding]:
    """What is broken about these claims, confirmed."""
    owners = lookup.fetch(UserModel, [claim.user_id for claim in page])
    for claim in page:
        if not _owned(claim, owners.get(claim.user_id)):
            yield from confirmed(UsernameModel, claim.name, _judge_claim)


def _judge_user(user: UserModel | None) -> Sequence[Finding]:
    return list(_of_user(user, _claims([user]))) if user else []


def _judge_claim(claim: UsernameModel | None) -> Sequence[Finding]:
    if claim is None or _owned(claim, lookup.get(UserModel, claim.user_id)):
        return []
    text = f"the claim {claim.name!r} of user {claim.user_id} belongs to no such user"
    return [Finding(text, partial(_drop, claim))]


def _claims(page: Sequence[UserModel]) -> Claims:
    return lookup.fetch(
        UsernameModel, [keys.claim(user.username) for user in page if user.username]
    )


def _owned(claim: UsernameModel, user: UserModel | None) -> bool:
    return user is not None and bool(user.username) and keys.claim(user.username) == claim.name


def _of_user(user: UserModel, claims: Claims) -> Iterator[Finding]:
    ident = int(user.id)
    if lacks := lacking(user, ["username", "created_at"]):
        yield Finding(f"user {ident} lacks {', '.join(lacks)}", None)
    elif user.going:
        yield Finding(f"user {ident} is half deleted", partial(users.delete, ident))
    else:
        yield from _of_claim(ident, user.username, claims.get(keys.claim(user.username)))
        yield from _of_place(ident, user)


def _of_claim(ident: int, username: str, claim: UsernameModel | None) -> Iterator[Finding]:
    mend = partial(_claim, ident, keys.claim(username), claim)
    if claim is None:
        yield Finding(f"user {ident} has no claim to the name {username!r}", mend)
    elif claim.user_id != ident:
        text = f"user {ident} has the name {username!r}, which user {claim.user_id} claims"
        rival = _owned(claim, lookup.get(UserModel, claim.user_id))
        yield Finding(text, None if rival else mend)


def _of_place(ident: int, user: UserModel) -> Iterator[Finding]:
    number = lanes.readable()
    lane = user.lane if user.lane in range(number) else ident % number
    place = {"lane": lane, "recency": keys.recency(user.created_at, ident)}
    if wrong := differing(user, place):
        text = f"user {ident} is not in its place in the index: {', '.join(wrong)}"
        yield Finding(text, partial(_place, ident, place))


def _claim(ident: int, name: str, wrong: UsernameModel | None) -> None:
    """Gives the user the claim; ids and names never change hands, so that is all to be checked."""
    free = UsernameModel.name.does_not_exist()
    change = Change()
    change.user_present(ident)
    change.put(
        UsernameModel(name, user_id=ident),
        UsernameModel.user_id == wrong.user_id if wrong else free,
    )
    change.commit()


def _drop(claim: UsernameModel) -> None:
    change = Change()
    change.delete(UsernameModel(claim.name), UsernameModel.user_id == claim.user_id)
    change.commit()


def _place(ident: int, place: Mapping[str, object]) -> None:
    present = UserModel.id.exists() & UserModel.going.does_not_exist()
    change = Change()
    change.update(UserModel(ident), setting(UserModel, place), present)
    change.commit()
