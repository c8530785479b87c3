"""I1 and I2, assignments are exact copies of what there is; and tasks are listed where they belong.

The task holds the truth. Each mend rests on the task's version, which each change of it raises.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from billet.invariants import lookup
from billet.invariants.finding import Finding, confirmed, differing, lacking
from chalicelib.storage import keys, lanes
from chalicelib.storage.changes import Change, setting
from chalicelib.storage.items import copy_values
from chalicelib.storage.records import Task
from chalicelib.storage.tables import AssignmentModel, TaskModel, UserModel

CONTENT = ["name", "desc", "status", "created_at", "version"]


class _Related(msgspec.Struct):
    """What some tasks have to agree with."""

    copies: Mapping[tuple[int, str], AssignmentModel]
    users: Mapping[int, UserModel]


def check_tasks(page: Sequence[TaskModel]) -> Iterator[Finding]:
    """What is broken about these tasks and the copies that they need, confirmed."""
    related = _related(page)
    for task in page:
        if any(_of_task(task, related)):
            yield from confirmed(TaskModel, task.id, _judge_task)


def check_copies(page: Sequence[AssignmentModel]) -> Iterator[Finding]:
    """Which of these copies no task needs, confirmed."""
    tasks = lookup.fetch(
        TaskModel, [_task_id(copy) for copy in page], ["id", "created_at", "assignees"]
    )
    for copy in page:
        ident = _task_id(copy)
        if not _needed(copy, tasks.get(ident)):
            yield from confirmed(TaskModel, ident, partial(_judge_copy, copy))


def _judge_task(task: TaskModel | None) -> Sequence[Finding]:
    return list(_of_task(task, _related([task]))) if task else []


def _judge_copy(copy: AssignmentModel, task: TaskModel | None) -> Sequence[Finding]:
    key = (copy.user_id, copy.recency)
    if _needed(copy, task) or lookup.get(AssignmentModel, key) is None:
        return []
    text = f"user {copy.user_id} has a copy that no task needs: {copy.recency}"
    return [Finding(text, partial(_drop, copy, task))]


def _related(page: Sequence[TaskModel]) -> _Related:
    records = [_record(task) for task in page if not lacking(task, CONTENT)]
    pairs = [(user_id, record.recency) for record in records for user_id in record.assignees]
    users = lookup.fetch(UserModel, [user_id for user_id, _ in pairs], ["id"])
    return _Related(lookup.fetch(AssignmentModel, pairs), users)


def _of_task(task: TaskModel, related: _Related) -> Iterator[Finding]:
    if lacks := lacking(task, CONTENT):
        yield Finding(f"task {task.id} lacks {', '.join(lacks)}", None)
        return
    record = _record(task)
    gone = [user_id for user_id in record.assignees if user_id not in related.users]
    for user_id in record.assignees:
        if user_id not in gone:
            yield from _of_copy(record, user_id, related.copies.get((user_id, record.recency)))
    yield from _of_place(task, record)
    if gone:
        names = ", ".join(map(str, gone))
        yield Finding(f"task {task.id} names missing users: {names}", partial(_take, record, gone))


def _of_copy(task: Task, user_id: int, copy: AssignmentModel | None) -> Iterator[Finding]:
    mend = partial(_copy, task, user_id)
    if copy is None:
        yield Finding(f"user {user_id} has no copy of task {task.id}", mend)
    elif wrong := differing(copy, copy_values(task)):
        yield Finding(f"user {user_id}'s copy of task {task.id} differs: {', '.join(wrong)}", mend)


def _of_place(task: TaskModel, record: Task) -> Iterator[Finding]:
    number = lanes.readable()
    lane = int(task.lane) if task.lane in range(number) else record.id % number
    place = {
        "lane": lane,
        "status_lane": keys.status_lane(record.status, lane),
        "recency": record.recency,
        "urgency": record.urgency,
    }
    if wrong := differing(task, place):
        text = f"task {record.id} is not in its place in the indexes: {', '.join(wrong)}"
        yield Finding(text, partial(_place, record, place))


def _needed(copy: AssignmentModel, task: TaskModel | None) -> bool:
    if task is None or copy.user_id not in (task.assignees or ()):
        return False
    return bool(copy.recency == keys.recency(task.created_at, int(task.id)))


def _task_id(copy: AssignmentModel) -> int:
    """The task that the copy's key names, or 0, which none has."""
    tail = copy.recency.rpartition("#")[2]
    return int(tail) if tail.isdecimal() else 0


def _record(task: TaskModel) -> Task:
    return Task(
        id=int(task.id),
        name=task.name,
        desc=task.desc,
        status=task.status,
        expires_at=task.expires_at,
        created_at=task.created_at,
        assignees=tuple(sorted(map(int, task.assignees or ()))),
        version=int(task.version),
    )


def _copy(task: Task, user_id: int) -> None:
    """Writes the user's copy. Counts as an assignment, so that a delete of the user sees it."""
    change = Change()
    change.user_assigned(user_id)
    change.update(
        AssignmentModel(user_id, task.recency), setting(AssignmentModel, copy_values(task))
    )
    change.check(TaskModel(task.id), TaskModel.version == task.version)
    change.commit()


def _drop(copy: AssignmentModel, task: TaskModel | None) -> None:
    ident, missing = _task_id(copy), TaskModel.id.does_not_exist()
    change = Change()
    change.check(TaskModel(ident), TaskModel.version == task.version if task else missing)
    change.delete(AssignmentModel(copy.user_id, copy.recency))
    change.commit()


def _place(task: Task, place: Mapping[str, Any]) -> None:
    change = Change()
    change.update(TaskModel(task.id), setting(TaskModel, place), TaskModel.version == task.version)
    change.commit()


def _take(task: Task, gone: Sequence[int]) -> None:
    """Takes the task from users who are no more."""
    rest = tuple(user_id for user_id in task.assignees if user_id not in gone)
    change = Change()
    change.task(task, msgspec.structs.replace(task, assignees=rest, version=task.version + 1))
    change.commit()
