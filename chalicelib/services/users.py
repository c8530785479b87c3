"""Users: create, read, list and delete."""

from collections.abc import Sequence

import msgspec

from chalicelib.domain.errors import Invalid, NotFound, Unavailable, UsernameTaken
from chalicelib.domain.user import VERSION, User, normalize_username
from chalicelib.dynamodb import (
    client,
    clock,
    counters,
    lanes,
    queries,
    shared_state,
    task_writes,
    user_writes,
)
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.models import MAX_KEY_BYTES
from chalicelib.dynamodb.transaction import MAX_OPERATIONS, Transaction
from chalicelib.services import pagination
from chalicelib.services.write_context import NO_CONTEXT, WriteContext

MAX_DELETE_STEPS = 150


def create(username: str, context: WriteContext = NO_CONTEXT) -> User:
    """Create a user.

    Raises:
        UsernameTaken: another user has the name, perhaps in another case.
        Invalid: the name is too long in its normalized form.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes interfered at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    if len(normalize_username(username).encode()) > MAX_KEY_BYTES:
        raise Invalid(
            f"username: must have at most {MAX_KEY_BYTES} bytes in UTF-8 after normalization"
        )
    user = User(id=counters.allocate_id("users"), username=username, created_at=clock.now())
    transaction = Transaction()
    reservation = user_writes.create_user(transaction, user)
    try:
        context.commit(transaction, user)
    except client.ConditionFailed as failed:
        if reservation in failed.found:
            raise UsernameTaken(username) from None
        raise
    return user


def get(user_id: int) -> User | None:
    """Return the user, or None if they do not exist or are being deleted."""
    user = queries.user(user_id)
    return None if user is None or user.deleting else user


def page(paging: pagination.Paging) -> pagination.Page[User]:
    """Return a page of all users."""
    hash_keys = [str(lane) for lane in range(lanes.lanes_to_read())]
    return pagination.read_page(queries.USERS_BY_CREATED, hash_keys, paging)


def delete(user_id: int, context: WriteContext = NO_CONTEXT) -> None:
    """Delete a user, and remove them from the assignees of their tasks.

    One transaction if it fits. Otherwise the first transaction marks the user as being deleted,
    further ones remove assignments, and the last one removes the user. After a crash in between,
    the same call finishes the delete.

    Raises:
        NotFound: the user does not exist.
        Stale: the user has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        Unavailable: the database is overloaded or does not respond, or the delete takes longer than
            a request may; repeat the call to finish.
    """
    user = _read(user_id)
    context.require("user", user_id, VERSION)
    owns_reservation = True
    for _ in range(MAX_DELETE_STEPS):
        tasks, complete = _tasks_for_one_transaction(user)
        if not complete and not user.deleting:
            user = _mark_as_deleting(user)
            continue
        transaction = Transaction()
        for task in tasks:
            after = task.unassigned_from(user_id)
            after = msgspec.structs.replace(after, version=task.version + 1)
            task_writes.update_task(transaction, task, after)
        reservation = None
        try:
            if not complete:
                transaction.commit()
                continue
            add = (
                user_writes.delete_reservation
                if owns_reservation
                else user_writes.require_foreign_reservation
            )
            reservation = add(transaction, user)
            user_writes.delete_user(transaction, user)
            context.commit(transaction, None)
        except client.ConditionFailed as failed:
            if reservation in failed.found:
                owns_reservation = not owns_reservation
            user = _read(user_id)
        else:
            shared_state.forget()
            return
    raise Unavailable(f"user {user_id} has many tasks; repeat the request to finish")


def _read(user_id: int) -> User:
    user = queries.user(user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


def _tasks_for_one_transaction(user: User) -> tuple[Sequence[StoredTask], bool]:
    """Return tasks of the user that fit into one transaction, and whether these are all."""
    if not user.assignment_count:
        return [], True
    found = queries.query(
        queries.ASSIGNED_BY_CREATED, str(user.id), after=None, ascending=True, limit=MAX_OPERATIONS
    )
    room = MAX_OPERATIONS - 4  # the user, the reservation, the shared state, the idempotency key
    fitting: list[StoredTask] = []
    for entry in found.entries:
        room -= 1 + len(entry.entity.assignees)
        if room < 0:
            return fitting, False
        fitting.append(entry.entity)
    return fitting, not found.more


def _mark_as_deleting(user: User) -> User:
    transaction = Transaction()
    user_writes.mark_as_deleting(transaction, user)
    try:
        transaction.commit()
    except client.ConditionFailed:
        raise NotFound("user", user.id) from None
    shared_state.forget()
    return _read(user.id)
