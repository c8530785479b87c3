"""An index has the tasks without assignees, by status and due date.

A server of the previous release does not write its key: what it creates or unassigns is not in the
index, and what it assigns or gives another status stays there as before. Lists leave out the
latter, and contract corrects both.

It does not know `updated_at` either: if it assigns a task that this release has changed, the new
copy lacks what the task has. Contract adds it. Backfill need not, because only this release, which
is deployed after it, writes `updated_at`.
"""

from collections.abc import Iterator

from billet.migrations.database import Item, Write, get, update
from billet.migrations.migration import Migration, Scan
from billet.migrations.schema import Index


def key_of(task: Item) -> Item | None:
    """Return the key of the index; None for a task with assignees, which is not in it."""
    if "assignees" in task:
        return None
    return {"S": f"{task['status']['S']}#{task['lane']['N']}"}


def set_key(task: Item) -> Iterator[Write]:
    """Yield the update of a task with another key. Every write of a task raises its version."""
    key = key_of(task)
    if task.get("unassigned_lane") == key:
        return
    yield update(
        "tasks",
        {"id": task["id"]},
        "SET unassigned_lane = :key" if key else "REMOVE unassigned_lane",
        "version = :version",
        {":version": task["version"], **({":key": key} if key else {})},
    )


def add_last_change(copy: Item) -> Iterator[Write]:
    """Yield the update of a copy that lacks its task's `updated_at`.

    Every write of a task raises the version of the task and its copies. A copy of another version
    was read before such a write, or is for doctor to repair.
    """
    task = get("tasks", {"id": copy["id"]})
    if task is None or "updated_at" not in task or task["version"] != copy["version"]:
        return
    yield update(
        "assignments",
        {"user_id": copy["user_id"], "recency": copy["recency"]},
        "SET updated_at = :moment",
        "version = :version",
        {":moment": task["updated_at"], ":version": copy["version"]},
    )


MIGRATION = Migration(
    file=__file__,
    title="list tasks without assignees by due date",
    indexes={"tasks": (Index("most_urgent_unassigned", ("unassigned_lane S", "urgency S")),)},
    scans=(
        Scan("tasks", set_key, units=2),
        Scan(
            "assignments",
            add_last_change,
            units=5,
            condition="attribute_not_exists(updated_at)",
            late=True,
        ),
    ),
)
