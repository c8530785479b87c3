"""Words and columns for tasks and users, safe to print on a terminal."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from billet.people import dates

if TYPE_CHECKING:
    from billet_client import Task, User

Usernames = Mapping[int, str]
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, which a terminal obeys, and those that change the direction of text."""


def safe(text: str) -> str:
    """Return text without characters that a terminal obeys."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return text as one safe line without tabs."""
    return safe(" ".join(re.split(r"[\t\n]", text)))


def status(task: "Task") -> str:
    """Return a task's status in words: in progress."""
    return status_words(task.status)


def status_words(status: str) -> str:
    """Return a status of the API in words."""
    return status.lower().replace("_", " ")


def assignees(task: "Task", usernames: Usernames) -> list[str]:
    """Return the usernames of a task's assignees; the id of a user who has just been deleted."""
    return [one_line(usernames.get(user, str(user))) for user in task.assignees]


def sentence(task: "Task", usernames: Usernames) -> str:
    """Return a line about a task: task 1: Write the report, pending, due Fri 27 Nov 2026."""
    facts = [f"task {task.id}: {one_line(task.name)}", status(task)]
    if task.expires_at:
        facts.append(f"due {dates.full(task.expires_at)}")
    if task.assignees:
        facts.append(f"assigned to {', '.join(assignees(task, usernames))}")
    return ", ".join(facts)


def task_columns(task: "Task", usernames: Usernames) -> tuple[object, ...]:
    """Return the columns of a task in a pipe: id, name, status, due date, assignees."""
    people = ",".join(assignees(task, usernames))
    return (task.id, task.name, task.status, task.expires_at or "", people)


def user_columns(user: "User") -> tuple[object, ...]:
    """Return the columns of a user in a pipe: id, username, date of creation."""
    return (user.id, user.username, user.created_at)
