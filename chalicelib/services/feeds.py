"""Feeds: the open tasks of a user, for calendar programs, which can send no token in a header.

A user has one feed at most. Its secret is `blf_` and 256 random bits. It permits to read this feed
and nothing else.
"""

import secrets
from collections.abc import Sequence
from datetime import date

import msgspec

from chalicelib.domain.errors import NotFound
from chalicelib.domain.task import Task
from chalicelib.domain.user import User
from chalicelib.dynamodb import client, user_writes
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import assignments, deleting_users, random_secrets
from chalicelib.services.pagination import Paging
from chalicelib.services.write_context import NO_CONTEXT, WriteContext

PREFIX = "blf_"
MAX_TASKS = 1000
"""The most tasks that a feed has: those that are due first."""
MAX_BYTES = 6 * 1024 * 1024
"""The most bytes of names and descriptions to read. More fit into no response."""
OPEN_TASKS = Paging(
    page_size=MAX_TASKS,
    sort="expires_at",
    order="asc",
    statuses=("PENDING", "IN_PROGRESS"),
    last_day=date.max,  # a task without a due date is in no range
)


def create(user_id: int, context: WriteContext = NO_CONTEXT) -> str:
    """Give the user a new feed, in place of an earlier one.

    Returns:
        The secret, which is stored nowhere.

    Raises:
        NotFound: the user does not exist.
        RequestInProgress: another request has taken over the idempotency key.
        Unavailable: the database is overloaded or does not respond.
    """
    secret = random_secrets.generate(PREFIX)
    _set(user_id, random_secrets.digest(secret), secret, context)
    return secret


def revoke(user_id: int, context: WriteContext = NO_CONTEXT) -> None:
    """Remove the user's feed, if there is one.

    Raises:
        NotFound: the user does not exist.
        RequestInProgress: another request has taken over the idempotency key.
        Unavailable: the database is overloaded or does not respond.
    """
    _set(user_id, None, None, context)


def find_user(user_id: int, secret: str) -> User | None:
    """Return the user if the secret is that of their feed, else None.

    The cost is one read in each case, so that the time tells nothing about users and secrets.
    """
    user = deleting_users.existing_user(user_id)
    digest = user.feed_digest if user else None
    right = secrets.compare_digest(random_secrets.digest(secret), digest or "")
    return user if right else None


def open_tasks(user_id: int) -> Sequence[Task]:
    """Return the tasks of an existing user that are open and have a due date, by due date.

    A page ends after 1 MB of one status, so that large tasks take several pages.
    """
    tasks: list[Task] = []
    size = 0
    after = None
    while True:
        rest = msgspec.structs.replace(OPEN_TASKS, page_size=MAX_TASKS - len(tasks), after=after)
        page = assignments.read_page(user_id, rest)
        tasks += page.items
        size += sum(len(task.name.encode()) + len(task.desc.encode()) for task in page.items)
        after = page.next
        if after is None or len(tasks) >= MAX_TASKS or size > MAX_BYTES:
            return tasks


def _set(user_id: int, digest: str | None, result: str | None, context: WriteContext) -> None:
    transaction = Transaction()
    user_writes.set_feed(transaction, user_id, digest)
    try:
        context.commit(transaction, result)
    except client.ConditionFailed:
        raise NotFound("user", user_id) from None
