"""What can be done with users."""

from collections.abc import Sequence

import msgspec

from chalicelib.domain.errors import Invalid, NotFound, Unavailable, UsernameTaken
from chalicelib.dynamodb import client, clock, counters, lanes, queries, shared_state, sort_keys
from chalicelib.dynamodb.codec import Task, User
from chalicelib.dynamodb.transaction import MAX_OPERATIONS, Transaction
from chalicelib.services import pagination
from chalicelib.services.assignments import without
from chalicelib.services.write_context import UNCONDITIONAL, WriteContext

MAX_CLAIM_BYTES = 2048
"""What DynamoDB takes as a hash key."""
MAX_DELETE_STEPS = 150
VERSION = 1
"""Of every user, for they don't change."""


def create(username: str, terms: WriteContext = UNCONDITIONAL) -> User:
    """Makes a user.

    Raises:
        UsernameTaken: another user has the name, in this or another case.
        Invalid: the name is too long in its normalised form.
    """
    if len(sort_keys.claim(username).encode()) > MAX_CLAIM_BYTES:
        raise Invalid(
            f"username: must have at most {MAX_CLAIM_BYTES} bytes in UTF-8 after normalization"
        )
    user = User(id=counters.next_id("users"), username=username, created_at=clock.now())
    change = Transaction()
    claim = change.new_user(user)
    terms.record(change, user)
    try:
        change.commit()
    except client.ConditionFailed as failed:
        if claim in failed.found:
            raise UsernameTaken(username) from None
        raise
    return user


def get(user_id: int) -> User | None:
    """The user, or None where there is none."""
    user = queries.user(user_id)
    return None if user is None or user.going else user


def page(paging: pagination.Paging) -> pagination.Page[User]:
    """A page of all users."""
    hashes = [str(lane) for lane in range(lanes.readable())]
    return pagination.page(pagination.Lanes(queries.USERS_BY_CREATED, hashes), paging)


def delete(user_id: int, terms: WriteContext = UNCONDITIONAL) -> None:
    """Removes a user, and takes all tasks from them.

    Where it fits, all in one transaction. Else the user is first marked as going, then emptied in
    several; what a crash leaves half done, the same call finishes.

    Raises:
        NotFound: there is no such user.
        Stale: the user has none of the versions that it must have.
        Unavailable: there is more to do than one request has time for; repeat it to go on.
    """
    user = _found(user_id)
    terms.require("user", user_id, VERSION)
    claimed = True
    for _ in range(MAX_DELETE_STEPS):
        tasks, complete = _fitting(user)
        if not complete and not user.going:
            user = _mark_as_going(user)
            continue
        last = _Last(user, claimed, terms) if complete else None
        try:
            _empty(user.id, tasks, last)
        except client.ConditionFailed as failed:
            claimed ^= bool(last and last.claim in failed.found)
            user = _found(user_id)
            continue
        if complete:
            return
    raise Unavailable(f"user {user_id} has many tasks; repeat the request to finish")


def _found(user_id: int) -> User:
    user = queries.user(user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


def _fitting(user: User) -> tuple[Sequence[Task], bool]:
    """Tasks of the user that fit into one transaction, and whether these are all."""
    if not user.assigns:
        return [], True
    found = queries.query(
        queries.ASSIGNED_BY_CREATED, str(user.id), after=None, ascending=True, limit=MAX_OPERATIONS
    )
    room = MAX_OPERATIONS - 4  # the user, the claim, who is going, and the reply
    fitting: list[Task] = []
    for _, task in found.records:
        room -= 1 + len(task.assignees)
        if room < 0:
            return fitting, False
        fitting.append(task)
    return fitting, not found.more


def _mark_as_going(user: User) -> User:
    change = Transaction()
    change.user_going(user)
    try:
        change.commit()
    except client.ConditionFailed:
        raise NotFound("user", user.id) from None
    shared_state.forget()
    return _found(user.id)


class _Last:
    """What goes with a user's last tasks: the user and the claim to the name, if it is theirs."""

    def __init__(self, user: User, claimed: bool, terms: WriteContext) -> None:
        self._user, self._claimed, self._terms = user, claimed, terms
        self.claim = -1
        """The position of the condition on the claim."""

    def add(self, change: Transaction) -> None:
        add = change.claim_gone if self._claimed else change.claim_of_another
        self.claim = add(self._user)
        change.user_gone(self._user)
        self._terms.record(change, None)


def _empty(user_id: int, tasks: Sequence[Task], last: _Last | None) -> None:
    """Takes these tasks from the user, and adds what goes with the last of them.

    Raises:
        ConditionFailed: something changed.
    """
    change = Transaction()
    for task in tasks:
        rest = without(task, user_id)
        change.task(task, msgspec.structs.replace(rest, version=task.version + 1))
    if last is not None:
        last.add(change)
    change.commit()
    if last is not None:
        shared_state.forget()
