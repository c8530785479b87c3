"""The tables: the one definition of their names, keys, indexes and attributes.

Table        Key                Indexes
users        id                 newest (lane, recency)
usernames    name               -
tasks        id                 newest (lane, recency), most_urgent (lane, urgency),
                                newest_by_status (status_lane, recency),
                                most_urgent_by_status (status_lane, urgency)
assignments  user_id, recency   most_urgent (user_id, urgency), local
counters     name               -
tokens       digest             -
replies      key                -
quotas       principal, window  -
"""

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    NumberSetAttribute,
    UnicodeAttribute,
)
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.indexes import (
    AllProjection,
    GlobalSecondaryIndex,
    IncludeProjection,
    LocalSecondaryIndex,
)
from pynamodb.models import Model


class OnDemand:
    """The settings of every table; `client.bind` completes the name."""

    table_name = ""
    billing_mode = PAY_PER_REQUEST_BILLING_MODE


class UserNewest(GlobalSecondaryIndex["UserModel"]):
    """All users by creation. Leaves `assigns` out, so that an assignment writes nothing to it."""

    class Meta:
        index_name = "newest"
        projection = IncludeProjection(["username", "created_at"])

    lane = NumberAttribute(hash_key=True)
    recency = UnicodeAttribute(range_key=True)


class UserModel(Model):
    """Users. One that is going has no lane any more, so that no list shows it."""

    class Meta(OnDemand):
        pass

    newest = UserNewest()
    id = NumberAttribute(hash_key=True)
    username = UnicodeAttribute()
    created_at = UnicodeAttribute()
    lane = NumberAttribute(null=True)
    recency = UnicodeAttribute(null=True)
    assigns = NumberAttribute(null=True)
    """How often this user was given a task, ever: tells a delete whether one came in between."""
    going = BooleanAttribute(null=True)
    """Set while a user with many tasks is being deleted."""


class UsernameModel(Model):
    """The claims that make usernames unique; `name` is in the form of `keys.claim`."""

    class Meta(OnDemand):
        pass

    name = UnicodeAttribute(hash_key=True)
    user_id = NumberAttribute()


class TaskNewest(GlobalSecondaryIndex["TaskModel"]):
    """All tasks by creation."""

    class Meta:
        index_name = "newest"
        projection = AllProjection()

    lane = NumberAttribute(hash_key=True)
    recency = UnicodeAttribute(range_key=True)


class TaskMostUrgent(GlobalSecondaryIndex["TaskModel"]):
    """All tasks by deadline."""

    class Meta:
        index_name = "most_urgent"
        projection = AllProjection()

    lane = NumberAttribute(hash_key=True)
    urgency = UnicodeAttribute(range_key=True)


class TaskNewestByStatus(GlobalSecondaryIndex["TaskModel"]):
    """The tasks of one status by creation."""

    class Meta:
        index_name = "newest_by_status"
        projection = AllProjection()

    status_lane = UnicodeAttribute(hash_key=True)
    recency = UnicodeAttribute(range_key=True)


class TaskMostUrgentByStatus(GlobalSecondaryIndex["TaskModel"]):
    """The tasks of one status by deadline."""

    class Meta:
        index_name = "most_urgent_by_status"
        projection = AllProjection()

    status_lane = UnicodeAttribute(hash_key=True)
    urgency = UnicodeAttribute(range_key=True)


class TaskAttributes(Model):
    """What a task and its copies in the assignments have in common."""

    name = UnicodeAttribute()
    desc = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute(null=True)
    assignees = NumberSetAttribute(null=True)
    version = NumberAttribute()


class TaskModel(TaskAttributes):
    """Tasks, with the truth about who does them."""

    class Meta(OnDemand):
        pass

    newest = TaskNewest()
    most_urgent = TaskMostUrgent()
    newest_by_status = TaskNewestByStatus()
    most_urgent_by_status = TaskMostUrgentByStatus()
    id = NumberAttribute(hash_key=True)
    lane = NumberAttribute()
    status_lane = UnicodeAttribute()
    recency = UnicodeAttribute()
    urgency = UnicodeAttribute()


class AssignmentMostUrgent(LocalSecondaryIndex["AssignmentModel"]):
    """A user's tasks by deadline."""

    class Meta:
        index_name = "most_urgent"
        projection = AllProjection()

    user_id = NumberAttribute(hash_key=True)
    urgency = UnicodeAttribute(range_key=True)


class AssignmentNewestByStatus(LocalSecondaryIndex["AssignmentModel"]):
    """A user's tasks of one status by creation."""

    class Meta:
        index_name = "newest_by_status"
        projection = AllProjection()

    user_id = NumberAttribute(hash_key=True)
    status_recency = UnicodeAttribute(range_key=True)


class AssignmentMostUrgentByStatus(LocalSecondaryIndex["AssignmentModel"]):
    """A user's tasks of one status by deadline."""

    class Meta:
        index_name = "most_urgent_by_status"
        projection = AllProjection()

    user_id = NumberAttribute(hash_key=True)
    status_urgency = UnicodeAttribute(range_key=True)


class AssignmentModel(TaskAttributes):
    """A copy of the task for each of its assignees, sorted by the task's creation."""

    class Meta(OnDemand):
        pass

    most_urgent = AssignmentMostUrgent()
    newest_by_status = AssignmentNewestByStatus()
    most_urgent_by_status = AssignmentMostUrgentByStatus()
    user_id = NumberAttribute(hash_key=True)
    recency = UnicodeAttribute(range_key=True)
    id = NumberAttribute()
    urgency = UnicodeAttribute()
    status_recency = UnicodeAttribute()
    status_urgency = UnicodeAttribute()


class CounterModel(Model):
    """The last id that each lane handed out (`ids`), and one item for all lanes (`shared`)."""

    class Meta(OnDemand):
        pass

    name = UnicodeAttribute(hash_key=True)
    last = NumberAttribute(null=True)
    lanes = NumberAttribute()
    going = NumberSetAttribute(null=True)
    """In the item `shared.NAME`, which counts nothing: the users that are being deleted."""


class TokenModel(Model):
    """Who may use the API. The secret is nowhere; `digest` is its SHA-256, in hexadecimal."""

    class Meta(OnDemand):
        pass

    digest = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    role = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute(null=True)
    last_four = UnicodeAttribute()


class IdempotencyModel(Model):
    """The idempotency keys of running requests and, with the reply, of those that are done; see
    `replies`. Both times are seconds since 1970."""

    class Meta(OnDemand):
        pass

    key = UnicodeAttribute(hash_key=True)
    fingerprint = UnicodeAttribute()
    owner = UnicodeAttribute()
    lease = NumberAttribute()
    reply = UnicodeAttribute(null=True)
    expires = NumberAttribute()


class QuotaModel(Model):
    """How many requests of a window all processes together have taken; see `quotas`.

    `principal` is "name:ci" or "address:10.0.0.1", `window` an interval of ISO 8601 such as
    "2026-01-31T12:00:00Z/PT60S", `expires` a moment in seconds since 1970."""

    class Meta(OnDemand):
        pass

    principal = UnicodeAttribute(hash_key=True)
    window = UnicodeAttribute(range_key=True)
    used = NumberAttribute()
    expires = NumberAttribute()


SUFFIXES: dict[type[Model], str] = {
    UserModel: "users",
    UsernameModel: "usernames",
    TaskModel: "tasks",
    AssignmentModel: "assignments",
    CounterModel: "counters",
    TokenModel: "tokens",
    IdempotencyModel: "replies",
    QuotaModel: "quotas",
}
"""Each table's name behind the prefix."""
EXPIRIES: dict[type[Model], str] = {IdempotencyModel: "expires", QuotaModel: "expires"}
"""The attribute, in seconds since 1970, by which DynamoDB removes the items of a table in time."""
