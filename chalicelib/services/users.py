"""Users: create, read, list, rename and delete."""

from collections.abc import Sequence

import msgspec

from chalicelib import request_stats
from chalicelib.domain.errors import Invalid, LostRace, NotFound, Unavailable, UsernameTaken
from chalicelib.domain.user import User, normalize_username
from chalicelib.dynamodb import (
    backoff,
    client,
    clock,
    codec,
    counters,
    lanes,
    queries,
    shared_state,
    task_writes,
    user_writes,
)
from chalicelib.dynamodb.codec import StoredTask
from chalicelib.dynamodb.models import MAX_KEY_BYTES
from chalicelib.dynamodb.queries import Part
from chalicelib.dynamodb.transaction import MAX_OPERATIONS, Transaction
from chalicelib.services import deleting_users, pagination
from chalicelib.services.write_context import NO_CONTEXT, WriteContext

MAX_DELETE_STEPS = 150
RENAME_ATTEMPTS = 12
_REPEAT = "repeat the request to finish"


def create(username: str, context: WriteContext = NO_CONTEXT) -> User:
    """Create a user.

    Raises:
        UsernameTaken: another user has the name, perhaps in another case.
        Invalid: the name is too long in its normalized form.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes interfered at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    _require_key(username)
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


def rename(user_id: int, username: str | None, context: WriteContext = NO_CONTEXT) -> User:
    """Give a user another name, and move the reservation, in one transaction.

    Args:
        username: None keeps the name; then, or if it is the same, nothing is written.

    Raises:
        NotFound: the user does not exist.
        Stale: the user has none of the versions that the context accepts.
        UsernameTaken: another user has the name, perhaps in another case.
        Invalid: the name is too long in its normalized form.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes interfered at every attempt.
        Unavailable: the database is overloaded or does not respond.
    """
    if username is not None:
        _require_key(username)
    owns_reservation = True
    for _ in backoff.attempts(RENAME_ATTEMPTS):
        user = get(user_id)
        if user is None:
            raise NotFound("user", user_id)
        context.require("user", user_id, user.version)
        if username is None or username == user.username:
            context.commit_record(user)
            return user
        renaming = _Renaming(user, user.renamed(username), owns_reservation)
        try:
            context.commit(renaming.transaction, renaming.after)
        except client.ConditionFailed as failed:
            owns_reservation = renaming.owns_reservation(failed)
        else:
            return renaming.after
    raise LostRace


class _Renaming:
    """One attempt to rename a user. The reservation moves if the normalized form changes.

    Args:
        owns_reservation: whether the reservation of the old name is this user's.
    """

    def __init__(self, before: User, after: User, owns_reservation: bool) -> None:
        self.after = after
        self.transaction = Transaction()
        self._new = self._old = -1
        self._user = user_writes.rename_user(self.transaction, before, after)
        if normalize_username(before.username) != normalize_username(after.username):
            self._new = user_writes.create_reservation(self.transaction, after)
            if owns_reservation:
                self._old = user_writes.delete_reservation(self.transaction, before)

    def owns_reservation(self, failed: client.ConditionFailed) -> bool:
        """Return whether the next attempt has to remove the reservation of the old name.

        Raises:
            UsernameTaken: another user has the new name.
        """
        if self._new in failed.found and self._user not in failed.found:
            raise UsernameTaken(self.after.username) from None
        return self._old not in failed.found


def get(user_id: int) -> User | None:
    """Return the user, or None if they do not exist or are being deleted."""
    return deleting_users.existing_user(user_id)


def page(paging: pagination.Paging) -> pagination.Page[User]:
    """Return a page of all users."""
    parts = [Part(str(lane)) for lane in range(lanes.lanes_to_read())]
    return pagination.read_page(queries.USERS_BY_CREATED, parts, paging)


def page_of_username(username: str) -> pagination.Page[User]:
    """Return a page with the user who has the name, without regard to case, or with nobody."""
    name = normalize_username(username)
    user_id = queries.user_id_of(name) if len(name.encode()) <= MAX_KEY_BYTES else None
    user = get(user_id) if user_id is not None else None
    if user is None or normalize_username(user.username) != name:  # renamed since the first read
        return pagination.Page([], [], None)
    return pagination.Page([user], [codec.created_key_of(user)], None)


def delete(user_id: int, context: WriteContext = NO_CONTEXT) -> None:
    """Delete a user, and remove them from the assignees of their tasks.

    One transaction if it fits. Otherwise the first transaction marks the user as being deleted,
    further ones remove assignments, and the last one removes the user. After a crash in between,
    the same call finishes the delete.

    Raises:
        NotFound: the user does not exist.
        Stale: the user has none of the versions that the context accepts.
        RequestInProgress: another request has taken over the idempotency key.
        LostRace: other writes interfered at every attempt. The user is not marked.
        Unavailable: the database is overloaded or does not respond, or the delete takes longer than
            a request may, or other writes interfered after the user was marked; repeat the call to
            finish.
    """
    deletion = _Deletion(user_id, context)
    try:
        deletion.run()
    except LostRace:
        if deletion.user.deleting:
            raise Unavailable(f"user {user_id} is deleted in part; {_REPEAT}") from None
        raise


class _Deletion:
    """A delete of a user: up to MAX_DELETE_STEPS transactions, until the user is gone."""

    def __init__(self, user_id: int, context: WriteContext) -> None:
        self._context = context
        self._owns_reservation = True
        self._lanes: dict[int, int | None] = {}
        """The lanes of tasks that are not in the lane of a new task; copies do not have them."""
        self.user = self._read(user_id)
        """The user as last read. Marked once the mark is written."""

    def run(self) -> None:
        failures = 0
        for _ in range(MAX_DELETE_STEPS):
            try:
                if self._step():
                    return
                failures = 0
            except client.ConditionFailed as failed:
                failures += 1
                self._lanes |= _lanes_of_tasks(failed)
                request_stats.current().add(conflicts=1)
                backoff.wait(failures + 1)
                self.user = self._read(self.user.id)
        many = "has many tasks, or others are changing them"
        raise Unavailable(f"user {self.user.id} {many}; {_REPEAT}")

    def _step(self) -> bool:
        """Commit the next transaction. Return whether the user is gone."""
        tasks, complete = _tasks_for_one_transaction(self.user)
        if complete:
            self._remove_user(tasks)
        elif self.user.deleting:
            self._unassigning(tasks).commit()
        else:
            self._mark()
        return complete

    def _remove_user(self, tasks: Sequence[StoredTask]) -> None:
        transaction = self._unassigning(tasks)
        add_reservation = (
            user_writes.delete_reservation
            if self._owns_reservation
            else user_writes.require_foreign_reservation
        )
        reservation = add_reservation(transaction, self.user)
        user_writes.delete_user(transaction, self.user)
        try:
            self._context.commit(transaction, None)
        except client.ConditionFailed as failed:
            if reservation in failed.found:
                self._owns_reservation = not self._owns_reservation
            raise

    def _unassigning(self, tasks: Sequence[StoredTask]) -> Transaction:
        """Return a transaction that removes the user from the assignees of the tasks."""
        transaction = Transaction()
        for copy in tasks:
            task = msgspec.structs.replace(copy, lane=self._lanes.get(copy.id))
            after = task.unassigned_from(self.user.id).rewritten(clock.now_in_seconds())
            task_writes.update_task(transaction, task, after)
        return transaction

    def _mark(self) -> None:
        transaction = Transaction()
        user_writes.mark_as_deleting(transaction, self.user)
        transaction.commit()
        self.user = msgspec.structs.replace(self.user, deleting=True)
        shared_state.forget()
        self.user = self._read(self.user.id)

    def _read(self, user_id: int) -> User:
        user = queries.user(user_id)
        if user is None:
            raise NotFound("user", user_id)
        self._context.require("user", user_id, user.version)
        return user


def _lanes_of_tasks(failed: client.ConditionFailed) -> dict[int, int | None]:
    """Return the lanes of the tasks that a failed transaction found."""
    found = [item for item in failed.found.values() if item and codec.is_task(item)]
    return {task.id: task.lane for task in map(codec.TASKS.of_item, found)}


def _require_key(username: str) -> None:
    """Raise Invalid if the normalized form is too long for a key."""
    if len(normalize_username(username).encode()) > MAX_KEY_BYTES:
        raise Invalid(
            f"username: must have at most {MAX_KEY_BYTES} bytes in UTF-8 after normalization"
        )


def _tasks_for_one_transaction(user: User) -> tuple[Sequence[StoredTask], bool]:
    """Return tasks of the user that fit into one transaction, and whether these are all."""
    if not user.assignment_count:
        return [], True
    assigned = queries.query(
        queries.ASSIGNED_BY_CREATED, Part(str(user.id)), ascending=True, limit=MAX_OPERATIONS
    )
    room = MAX_OPERATIONS - 4  # the user, the reservation, the shared state, the idempotency key
    fitting: list[StoredTask] = []
    for entry in assigned.entries:
        room -= 1 + len(entry.entity.assignees)
        if room < 0:
            return fitting, False
        fitting.append(entry.entity)
    return fitting, not assigned.more
