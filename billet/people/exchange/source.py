"""What a reader finds in a file: tasks as text, before any rule is applied."""

from collections import Counter
from typing import Literal

import click
import msgspec

Format = Literal["csv", "todoist", "trello", "ics"]
Field = Literal["name", "desc", "due", "status", "assignees"]
FIELDS: tuple[Field, ...] = ("name", "desc", "due", "status", "assignees")
MAX_BYTES = 32 * 1024 * 1024
"""The largest file."""
MAX_TASKS = 50_000
"""The most tasks in a file."""

TASKS_A_PAGE = 500
"""How many tasks one request gets. A page of 1000 long ones is several megabytes."""


class FileError(click.ClickException):
    """A file that can't be read as tasks at all."""

    exit_code = click.UsageError.exit_code


class SourceTask(msgspec.Struct, kw_only=True):
    """A task as the file has it. Empty text stands for nothing."""

    line: int
    """The number of its first line in the file, or its number among the cards of a board."""
    name: str
    desc: str = ""
    due: str = ""
    status: str = ""
    assignees: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True, order=True):
    """Something in the file that can't be imported."""

    line: int
    column: str
    text: str


class Source(msgspec.Struct, kw_only=True):
    """The tasks of a file, and what the reader made of it."""

    kind: str
    """The format, for people."""
    unit: str = "line"
    """What the numbers of tasks count."""
    tasks: list[SourceTask] = []
    columns: dict[Field, str] = {}
    """What the file calls a field."""
    problems: list[Problem] = []
    left_out: Counter[str] = msgspec.field(default_factory=Counter)
    """What is not imported, and how many there are."""
    unused_columns: Counter[str] = msgspec.field(default_factory=Counter)
    """The columns that are not imported, and in how many rows they have a value."""
    notes: list[str] = []

    def column(self, field: Field) -> str:
        """Return what the file calls a field."""
        return self.columns.get(field, field)

    def add(self, task: SourceTask) -> None:
        """Add a task.

        Raises:
            FileError: there are too many.
        """
        if len(self.tasks) >= MAX_TASKS:
            raise FileError(
                f"line {task.line}: a file must have at most {MAX_TASKS} tasks; split it"
            )
        self.tasks.append(task)
