"""The tables: their names, keys, indexes and attributes.

Attributes whose name in the table differs from the one here have `attr_name`. An attribute with
`null=True` may be missing, and then has the default of the entity's field.

Table        Key                   Indexes
users        id                    newest (lane, created_key)
usernames    name                  -
tasks        id                    newest (lane, created_key), most_urgent (lane, due_key),
                                   newest_by_status (status_lane, created_key),
                                   most_urgent_by_status (status_lane, due_key),
                                   most_urgent_unassigned (unassigned_lane, due_key)
assignments  user_id, created_key  local: most_urgent (user_id, due_key),
                                   newest_by_status (user_id, status_created_key),
                                   most_urgent_by_status (user_id, status_due_key)
counters     name                  -
tokens       digest                -
replies      key                   -
quotas       principal, window     -
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

MAX_KEY_BYTES = 2048
"""DynamoDB's limit for a hash key."""


class OnDemand:
    """The settings of every table. `client.bind` sets the name."""

    table_name = ""
    billing_mode = PAY_PER_REQUEST_BILLING_MODE


class UserNewest(GlobalSecondaryIndex["UserModel"]):
    """All users by creation. Without `assignment_count`, so that assignments do not write to it."""

    class Meta:
        index_name = "newest"
        projection = IncludeProjection(["username", "created_at"])

    lane = NumberAttribute(hash_key=True)
    created_key = UnicodeAttribute(range_key=True, attr_name="recency")


class UserModel(Model):
    """Users. A user that is being deleted has no lane, so that no list shows it."""

    class Meta(OnDemand):
        pass

    newest = UserNewest()
    id = NumberAttribute(hash_key=True)
    username = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = NumberAttribute(null=True)
    lane = NumberAttribute(null=True)
    created_key = UnicodeAttribute(null=True, attr_name="recency")
    assignment_count = NumberAttribute(null=True, attr_name="assigns")
    deleting = BooleanAttribute(null=True, attr_name="going")
    feed_digest = UnicodeAttribute(null=True)


class UsernameModel(Model):
    """The reservations that make usernames unique. `name` is in normalized form."""

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
    created_key = UnicodeAttribute(range_key=True, attr_name="recency")


class TaskMostUrgent(GlobalSecondaryIndex["TaskModel"]):
    """All tasks by due date."""

    class Meta:
        index_name = "most_urgent"
        projection = AllProjection()

    lane = NumberAttribute(hash_key=True)
    due_key = UnicodeAttribute(range_key=True, attr_name="urgency")


class TaskNewestByStatus(GlobalSecondaryIndex["TaskModel"]):
    """The tasks of one status by creation."""

    class Meta:
        index_name = "newest_by_status"
        projection = AllProjection()

    status_lane = UnicodeAttribute(hash_key=True)
    created_key = UnicodeAttribute(range_key=True, attr_name="recency")


class TaskMostUrgentByStatus(GlobalSecondaryIndex["TaskModel"]):
    """The tasks of one status by due date."""

    class Meta:
        index_name = "most_urgent_by_status"
        projection = AllProjection()

    status_lane = UnicodeAttribute(hash_key=True)
    due_key = UnicodeAttribute(range_key=True, attr_name="urgency")


class TaskMostUrgentUnassigned(GlobalSecondaryIndex["TaskModel"]):
    """The tasks of one status without assignees, by due date. Other tasks are not in it."""

    class Meta:
        index_name = "most_urgent_unassigned"
        projection = AllProjection()

    unassigned_lane = UnicodeAttribute(hash_key=True)
    due_key = UnicodeAttribute(range_key=True, attr_name="urgency")


class TaskAttributes(Model):
    """The attributes that a task and its copies have in common."""

    name = UnicodeAttribute()
    desc = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute(null=True)
    assignees = NumberSetAttribute(null=True)
    version = NumberAttribute()


class TaskModel(TaskAttributes):
    """Tasks. `assignees` is authoritative."""

    class Meta(OnDemand):
        pass

    newest = TaskNewest()
    most_urgent = TaskMostUrgent()
    newest_by_status = TaskNewestByStatus()
    most_urgent_by_status = TaskMostUrgentByStatus()
    most_urgent_unassigned = TaskMostUrgentUnassigned()
    id = NumberAttribute(hash_key=True)
    lane = NumberAttribute()
    status_lane = UnicodeAttribute()
    unassigned_lane = UnicodeAttribute(null=True)
    """`status_lane` while the task has no assignees."""
    created_key = UnicodeAttribute(attr_name="recency")
    due_key = UnicodeAttribute(attr_name="urgency")


class AssignmentMostUrgent(LocalSecondaryIndex["AssignmentModel"]):
    """A user's tasks by due date."""

    class Meta:
        index_name = "most_urgent"
        projection = AllProjection()

    user_id = NumberAttribute(hash_key=True)
    due_key = UnicodeAttribute(range_key=True, attr_name="urgency")


class AssignmentNewestByStatus(LocalSecondaryIndex["AssignmentModel"]):
    """A user's tasks of one status by creation."""

    class Meta:
        index_name = "newest_by_status"
        projection = AllProjection()

    user_id = NumberAttribute(hash_key=True)
    status_created_key = UnicodeAttribute(range_key=True, attr_name="status_recency")


class AssignmentMostUrgentByStatus(LocalSecondaryIndex["AssignmentModel"]):
    """A user's tasks of one status by due date."""

    class Meta:
        index_name = "most_urgent_by_status"
        projection = AllProjection()

    user_id = NumberAttribute(hash_key=True)
    status_due_key = UnicodeAttribute(range_key=True, attr_name="status_urgency")


class AssignmentModel(TaskAttributes):
    """The copies of tasks: one for each assignee, sorted by the task's creation."""

    class Meta(OnDemand):
        pass

    most_urgent = AssignmentMostUrgent()
    newest_by_status = AssignmentNewestByStatus()
    most_urgent_by_status = AssignmentMostUrgentByStatus()
    user_id = NumberAttribute(hash_key=True)
    created_key = UnicodeAttribute(range_key=True, attr_name="recency")
    id = NumberAttribute()
    due_key = UnicodeAttribute(attr_name="urgency")
    status_created_key = UnicodeAttribute(attr_name="status_recency")
    status_due_key = UnicodeAttribute(attr_name="status_urgency")


class CounterModel(Model):
    """The last id of each lane (`counters`), and the item of `shared_state`."""

    class Meta(OnDemand):
        pass

    name = UnicodeAttribute(hash_key=True)
    last = NumberAttribute(null=True)
    lanes = NumberAttribute()
    """The stride of the counters; in the item of `shared_state`, the lane count."""
    deleting_users = NumberSetAttribute(null=True, attr_name="going")
    """Only in the item of `shared_state`: the users that are being deleted."""
    schema = NumberAttribute(null=True)
    """Only in the item of `shared_state`: the last migration whose expand and backfill are done."""
    contracted = NumberAttribute(null=True)
    """Only in the item of `shared_state`: the last migration whose contract has begun."""


class TokenModel(Model):
    """API tokens. `digest` is the SHA-256 of the secret, in hexadecimal."""

    class Meta(OnDemand):
        pass

    digest = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    role = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute(null=True)
    expires = NumberAttribute(null=True)
    """`expires_at` in seconds since 1970, for Time to Live."""
    last_four = UnicodeAttribute()
    keys_by_name = BooleanAttribute(null=True)


class IdempotencyModel(Model):
    """Idempotency keys, with the response once the request has succeeded; see `idempotency_store`.

    `lease` and `expires` are seconds since 1970."""

    class Meta(OnDemand):
        pass

    key = UnicodeAttribute(hash_key=True)
    fingerprint = UnicodeAttribute()
    owner = UnicodeAttribute()
    lease = NumberAttribute()
    reply = UnicodeAttribute(null=True)
    expires = NumberAttribute()


class QuotaModel(Model):
    """The requests that all processes together have taken from a quota in a window; see `quotas`.

    `principal` is "name:ci" or "address:10.0.0.1", `window` an interval of ISO 8601 such as
    "2026-01-31T12:00:00Z/PT60S", `expires` is in seconds since 1970."""

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
"""The name of each table after the prefix."""
EXPIRIES: dict[type[Model], str] = {
    TokenModel: "expires",
    IdempotencyModel: "expires",
    QuotaModel: "expires",
}
"""The time-to-live attribute of a table, in seconds since 1970."""
