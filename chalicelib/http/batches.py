"""POST /v1/tasks/batch: the operations of a body, and their results."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.domain.task import Task
from chalicelib.http import conditional, problems
from chalicelib.http.idempotency import KeyInUse, OperationWrites, WriteRequest
from chalicelib.http.problems import HttpProblem
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import (
    AssignOperation,
    BatchBody,
    CreateOperation,
    DeleteOperation,
    OperationBody,
    OperationResult,
    PatchOperation,
    TaskBody,
)
from chalicelib.services import batch
from chalicelib.services.batch import Operation
from chalicelib.services.optimistic import TaskChange

CREATED, OK = 201, 200


def run_all(bodies: Sequence[OperationBody], write: WriteRequest) -> ApiResponse[BatchBody]:
    """Carry out all operations or none.

    Raises:
        Invalid, HttpProblem, BilletError: nothing was changed. The detail names the operation.
    """
    operations = _operations(bodies, write)

    def render(found: Sequence[Task | None]) -> ApiResponse[BatchBody]:
        results = [_result(*one) for one in zip(operations, found, strict=True)]
        return ApiResponse(BatchBody(detail=_done(len(results), len(results)), results=results))

    return write.run(partial(batch.run_all, operations), render)


def run_each(bodies: Sequence[OperationBody], write: WriteRequest) -> ApiResponse[BatchBody]:
    """Carry out each operation by itself, in order. One that fails has an error in its result.

    A repeat with the same idempotency key carries out those that were not done.

    Raises:
        Invalid, HttpProblem: the operations are not valid, another request used the key, or the
            same one is running.
    """
    operations = _operations(bodies, write)
    with write.by_operation() as writes:
        results = [_run_one(number, one, writes) for number, one in enumerate(operations)]
    done = sum(not isinstance(one, OperationResult) or one.status < 400 for one in results)
    return ApiResponse(BatchBody(detail=_done(done, len(results)), results=results))


def _run_one(number: int, operation: Operation, writes: OperationWrites) -> Any:
    """Return the result of an operation, or its JSON if it was stored under its key.

    Raises:
        KeyInUse: an earlier request, which has crashed, may still be running this operation.
    """
    if_match = None if isinstance(operation, batch.Create) else operation.if_match
    own_write = writes.write(number, if_match, OK)

    def render(change: TaskChange | None) -> ApiResponse[OperationResult]:
        return ApiResponse(_result(operation, change.task if change else None))

    try:
        return own_write.run(partial(batch.run_one, operation), render).body
    except KeyInUse:
        raise
    except Exception as error:  # noqa: BLE001, each becomes a result
        problem = problems.of_error(error)
        ident = msgspec.UNSET if isinstance(operation, batch.Create) else operation.task_id
        return OperationResult(
            op=_name(operation), status=problem.status, id=ident, error=problem.problem()
        )


def _operations(bodies: Sequence[OperationBody], write: WriteRequest) -> Sequence[Operation]:
    first: dict[int, int] = {}
    for index, body in enumerate(bodies):
        if isinstance(body, CreateOperation):
            continue
        earlier = first.setdefault(body.id, index)
        if earlier != index:
            raise Invalid(
                f"operations[{index}].id: must be another task than that of operations[{earlier}]"
            )
        if isinstance(body, PatchOperation) and body.task.id not in (msgspec.UNSET, body.id):
            raise Invalid(
                f"operations[{index}].task.id: must be the id of the operation, {body.id}"
            )
        if body.if_match is None and write.if_match_required:
            required = "required; send the ETag of the version to change"
            raise HttpProblem(428, f"operations[{index}].if_match: {required}")
    return [_operation(body) for body in bodies]


def _operation(body: OperationBody) -> Operation:
    if isinstance(body, CreateOperation):
        return batch.Create(body.task.fields())
    versions = None if body.if_match is None else conditional.versions_of(body.if_match)
    match body:
        case PatchOperation():
            return batch.Patch(task_id=body.id, values=body.task.update(), if_match=versions)
        case DeleteOperation():
            return batch.Delete(task_id=body.id, if_match=versions)
        case AssignOperation():
            return batch.Assign(task_id=body.id, user_id=body.user, if_match=versions)


def _result(operation: Operation, task: Task | None) -> OperationResult:
    name = _name(operation)
    if task is None:
        assert not isinstance(operation, batch.Create)  # noqa: S101, which has a task
        return OperationResult(op=name, status=OK, id=operation.task_id)
    body = TaskBody.of(task)
    status = CREATED if isinstance(operation, batch.Create) else OK
    return OperationResult(op=name, status=status, id=body.id, etag=body.etag, payload=body)


def _name(operation: Operation) -> str:
    return type(operation).__name__.lower()


def _done(count: int, total: int) -> str:
    if count < total:
        return f"{count} of {total} operations done"
    return f"{total} operation{'s' if total > 1 else ''} done"
