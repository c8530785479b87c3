"""What can be done with tasks."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from chalicelib.dynamodb import client, clock, counters, lanes, queries, sort_keys
from chalicelib.dynamodb.codec import Task
from chalicelib.dynamodb.transaction import Transaction, updated_task
from chalicelib.services import deleting_users, optimistic, pagination
from chalicelib.services.write_context import UNCONDITIONAL, WriteContext

Status = Literal["PENDING", "IN_PROGRESS", "DONE", "CANCELLED"]
Edit = Mapping[str, str | None]
"""New values for some of name, desc, status and expires_at (YYYY-MM-DD, or None for none)."""


def create(
    *,
    name: str,
    desc: str,
    status: Status,
    expires_at: str | None,
    terms: WriteContext = UNCONDITIONAL,
) -> Task:
    """Makes a task that nobody has yet."""
    task = Task(
        id=counters.next_id("tasks"),
        name=name,
        desc=desc,
        status=status,
        expires_at=expires_at,
        created_at=clock.now(),
    )
    change = Transaction()
    change.new_task(task)
    terms.record(change, task)
    change.commit()
    return task


def get(task_id: int) -> Task | None:
    """The task, or None where there is none."""
    task = queries.task(task_id)
    return deleting_users.hide(task) if task else None


def page(paging: pagination.Paging) -> pagination.Page[Task]:
    """A page of all tasks, or of those of one status."""
    every = range(lanes.readable())
    urgent = paging.sort == "expires_at"
    if paging.status is None:
        ordering = queries.TASKS_BY_DUE if urgent else queries.TASKS_BY_CREATED
        hashes = [str(lane) for lane in every]
        return deleting_users.hide_in(pagination.page(pagination.Lanes(ordering, hashes), paging))
    ordering = queries.TASKS_BY_STATUS_AND_DUE if urgent else queries.TASKS_BY_STATUS_AND_CREATED
    hashes = [sort_keys.status_lane(paging.status, lane) for lane in every]
    return deleting_users.hide_in(pagination.page(pagination.Lanes(ordering, hashes), paging))


def edit(task_id: int, values: Edit, terms: WriteContext = UNCONDITIONAL) -> Task:
    """Gives a task new values. Guesses that nobody has it, which takes one write; but not where the
    reply has to be known before, for what it says of the rest of the task. Without values it writes
    nothing, and the version stays the same.

    Raises:
        NotFound: there is no such task.
        Stale: it has none of the versions that it must have.
        LostRace: others changed it at every attempt.
    """
    if not values:
        return _unchanged(task_id, terms)
    if terms.receipt is not None:
        task = optimistic.found_task(task_id)
    else:
        guess = Transaction()
        guess.unassigned_task(task_id, values, terms.match)
        try:
            return updated_task(guess.commit())
        except client.ConditionFailed as failed:
            task = optimistic.met_task(failed, 0, task_id)
    advanced = optimistic.advance(
        task,
        lambda before: msgspec.structs.replace(before, **values),
        terms.rendering(deleting_users.hide),
    )
    return deleting_users.hide(advanced.task)


def _unchanged(task_id: int, terms: WriteContext) -> Task:
    task = deleting_users.hide(optimistic.found_task(task_id))
    terms.require("task", task_id, task.version)
    terms.record_alone(task)
    return task


def delete(task_id: int, terms: WriteContext = UNCONDITIONAL) -> None:
    """Removes a task. Guesses that nobody has it, which takes one write.

    Raises:
        NotFound: there is no such task.
        Stale: it has none of the versions that it must have.
        LostRace: others changed it at every attempt.
    """
    guess = Transaction()
    guess.unassigned_task_gone(task_id, terms.match)
    terms.record(guess, None)
    try:
        guess.commit()
    except client.ConditionFailed as failed:
        optimistic.remove(optimistic.met_task(failed, 0, task_id), terms)
