"""The writes of users and of the reservations that make usernames unique."""

from pynamodb.expressions.condition import Condition

from chalicelib.domain.user import User, normalize_username
from chalicelib.dynamodb import shared_state
from chalicelib.dynamodb.codec import set_or_remove, user_values
from chalicelib.dynamodb.counters import lane_of_new
from chalicelib.dynamodb.models import CounterModel, UserModel, UsernameModel
from chalicelib.dynamodb.transaction import Transaction

_PRESENT: Condition = UserModel.id.exists() & UserModel.deleting.does_not_exist()


def create_user(transaction: Transaction, user: User) -> int:
    """Add a new user and the reservation of the username. Return the reservation's position."""
    item = UserModel(**user_values(user, lane_of_new("users", user.id)))
    transaction.put(item, UserModel.id.does_not_exist())
    return create_reservation(transaction, user)


def require_user(transaction: Transaction, user_id: int) -> int:
    """Add the condition that the user exists and is not being deleted."""
    return transaction.check(UserModel(user_id), _PRESENT)


def increment_assignment_count(transaction: Transaction, user_id: int, count: int = 1) -> int:
    """Add `count` to the user's assignments. The user must exist and not be being deleted."""
    return transaction.update(UserModel(user_id), [UserModel.assignment_count.add(count)], _PRESENT)


def set_feed(transaction: Transaction, user_id: int, digest: str | None) -> int:
    """Add the digest of the secret of the user's feed, or with None its removal.

    The user must exist and not be being deleted.
    """
    actions = set_or_remove(UserModel, {"feed_digest": digest})
    return transaction.update(UserModel(user_id), actions, _PRESENT)


def rename_user(transaction: Transaction, before: User, after: User) -> int:
    """Add the new name of a user, if they still have the version of `before`.

    Returns:
        The position of the user.
    """
    actions = [UserModel.username.set(after.username), UserModel.version.set(after.version)]
    return transaction.update(UserModel(before.id), actions, _PRESENT & _unchanged(before))


def create_reservation(transaction: Transaction, user: User) -> int:
    """Add the reservation of the username, if there is none."""
    reservation = UsernameModel(normalize_username(user.username), user_id=user.id)
    return transaction.put(reservation, UsernameModel.name.does_not_exist())


def mark_as_deleting(transaction: Transaction, user: User) -> int:
    """Add the mark that hides the user from readers and refuses assignments and other names.

    The user must still have the version.

    Returns:
        The position of the user.
    """
    transaction.update(
        CounterModel(shared_state.ITEM_NAME), [CounterModel.deleting_users.add({user.id})]
    )
    mark = [UserModel.deleting.set(True), UserModel.lane.remove(), UserModel.created_key.remove()]
    present: Condition = UserModel.id.exists() & _unchanged(user)
    return transaction.update(UserModel(user.id), mark, present)


def delete_reservation(transaction: Transaction, user: User) -> int:
    """Add the removal of the username's reservation, if it is the user's or does not exist."""
    reservation = UsernameModel(normalize_username(user.username))
    own = UsernameModel.user_id == user.id
    return transaction.delete(reservation, UsernameModel.name.does_not_exist() | own)


def require_foreign_reservation(transaction: Transaction, user: User) -> int:
    """Add the condition that the reservation of the username is another user's."""
    reservation = UsernameModel(normalize_username(user.username))
    return transaction.check(reservation, UsernameModel.user_id != user.id)


def delete_user(transaction: Transaction, user: User) -> int:
    """Add the removal of a user, if they have the name and the assignments that were read."""
    if user.deleting:
        transaction.update(
            CounterModel(shared_state.ITEM_NAME), [CounterModel.deleting_users.delete({user.id})]
        )
    same: Condition = UserModel.assignment_count == user.assignment_count
    if not user.assignment_count:
        same = UserModel.assignment_count.does_not_exist()
    return transaction.delete(UserModel(user.id), UserModel.id.exists() & _unchanged(user) & same)


def _unchanged(user: User) -> Condition:
    """Return the condition that the user has this version, which is not stored if it is 1."""
    same: Condition = UserModel.version == user.version
    return (UserModel.version.does_not_exist() | same) if user.version == 1 else same
