"""A task that is due on 9999-12-31 sorts before tasks without a due date.

Both had the due key 9999-12-31#id. A task that is due on that day now has 9999-12-30~#id, which
sorts after 9999-12-30 and before 9999-12-31.

The first release makes cursors from the due date, not from the stored key, so its lists skip tasks
that have a new key, and it refuses cursors with one. So keys change when that release has stopped.
A list by due date that is read meanwhile may miss or repeat a task that is due on this day.
"""

from collections.abc import Iterator

from billet.migrations.database import Item, Write, update
from billet.migrations.migration import Migration, Scan

DAY = "9999-12-31"
NEW_DAY = "9999-12-30~"
CONDITION = "expires_at = :day AND begins_with(urgency, :day)"
VALUES = {":day": {"S": DAY}}


def new_key(task: Item) -> str:
    """Return the due key of a task that is due on the last day."""
    return f"{NEW_DAY}#{int(task['id']['N']):016d}"


def of_task(task: Item) -> Iterator[Write]:
    """Yield the update of a task."""
    yield update(
        "tasks",
        {"id": task["id"]},
        "SET urgency = :new",
        CONDITION,
        {**VALUES, ":new": {"S": new_key(task)}},
    )


def of_copy(copy: Item) -> Iterator[Write]:
    """Yield the update of a copy of a task."""
    status_key = f"{copy['status']['S']}#{new_key(copy)}"
    yield Write(
        "Update",
        "assignments",
        {
            "Key": {"user_id": copy["user_id"], "recency": copy["recency"]},
            "UpdateExpression": "SET urgency = :new, status_urgency = :new_of_status",
            "ConditionExpression": f"{CONDITION} AND #status = :status",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                **VALUES,
                ":new": {"S": new_key(copy)},
                ":new_of_status": {"S": status_key},
                ":status": copy["status"],
            },
        },
    )


MIGRATION = Migration(
    file=__file__,
    title="sort tasks that are due on 9999-12-31 before those without a due date",
    scans=(
        Scan("tasks", of_task, units=5, condition=CONDITION, values=VALUES, late=True),
        Scan("assignments", of_copy, units=5, condition=CONDITION, values=VALUES, late=True),
    ),
)
