"""Users and tasks as the items that hold them: their attributes, those of the indexes included."""

from typing import Any

from chalicelib.dynamodb import lanes, sort_keys
from chalicelib.dynamodb.codec import Task, User


def user_values(user: User) -> dict[str, Any]:
    """The attributes of a new user's item."""
    return {
        "id": user.id,
        "username": user.username,
        "created_at": user.created_at,
        "lane": lanes.home("users", user.id),
        "recency": user.recency,
    }


def task_values(task: Task) -> dict[str, Any]:
    """The attributes of a new task's item."""
    lane = lanes.home("tasks", task.id)
    return content_values(task) | {
        "lane": lane,
        "status_lane": sort_keys.status_lane(task.status, lane),
        "recency": task.recency,
    }


def copy_values(task: Task) -> dict[str, Any]:
    """The attributes of a copy, but for its key."""
    return content_values(task) | {
        "status_recency": sort_keys.status_place(task.status, task.recency),
        "status_urgency": sort_keys.status_place(task.status, task.urgency),
    }


def content_values(task: Task) -> dict[str, Any]:
    """The attributes that a task and its copies have in common."""
    return {
        "id": task.id,
        "name": task.name,
        "desc": task.desc,
        "status": task.status,
        "created_at": task.created_at,
        "expires_at": task.expires_at,
        "assignees": set(task.assignees) or None,
        "version": task.version,
        "urgency": task.urgency,
    }
