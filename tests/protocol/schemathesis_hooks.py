"""Rules of the API that the OpenAPI document states only in prose."""

import uuid
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi import checks

from chalicelib.domain.task import MAX_ASSIGNEE_CHANGES
from chalicelib.services import cursor as cursors
from chalicelib.services.pagination import Paging

Case = schemathesis.Case[Any]
PLACE = "2026-01-31T12:00:00.000000Z#0000000000000001"


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Repair the parts of a request that schemathesis did not make invalid on purpose."""
    _repair_headers(case)
    _repair_filters(case)
    _repair_cursor(case)
    if case.meta and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        case.body = _whole_numbers(case.body)
        _repair_assignees(case.body)
        _repair_batch(case)


def _repair_headers(case: Case) -> None:
    """Use a new idempotency key for each request and remove If-Match."""
    for name, right in (("Idempotency-Key", uuid.uuid4().hex), ("If-Match", "*")):
        if name in (case.headers or {}) and name not in _intentionally_invalid(case):
            case.headers[name] = right
    if (
        case.method == "GET"
        and "If-Match" in (case.headers or {})
        and "If-Match" not in _intentionally_invalid(case)
    ):
        del case.headers["If-Match"]  # even * is false for a missing resource


def _repair_filters(case: Case) -> None:
    """Use the filters of one sort only, and ranges that begin before they end."""
    query = case.query
    if not query or not case.meta or not case.meta.generation.mode.is_positive:
        return
    if "username" in query:
        case.query = {one: query[one] for one in query if one in {"username", "page_size"}}
    for after, before, *others in (
        ("due_after", "due_before", "unassigned"),
        ("created_after", "created_before"),
    ):
        if {after, before, *others} & {*query}:
            kept = {after, before, *others, "status", "order", "page_size", "offset", "cursor"}
            case.query = {name: query[name] for name in query if name in kept}
            break
    else:
        return
    if {after, before} <= {*case.query}:
        case.query |= dict(zip((after, before), sorted((query[after], query[before])), strict=True))


def _repair_cursor(case: Case) -> None:
    """Use a cursor of the requested list, combined with page_size only."""
    query = case.query
    if not query or "cursor" not in query or "cursor" in _intentionally_invalid(case):
        return
    assert case.meta
    if case.meta.generation.mode.is_positive:
        cursor = cursors.encode(case.formatted_path.removeprefix("/v1/"), Paging(), PLACE)
        case.query = {"cursor": cursor} | {
            name: query[name] for name in ("page_size",) if name in query
        }
    else:
        case.query = {name: query[name] for name in query if name != "cursor"}


def _repair_assignees(task: Any) -> None:
    """Add no more users at once than one change may."""
    if "assignees" in task:
        task["assignees"] = task["assignees"][:MAX_ASSIGNEE_CHANGES]


def _repair_batch(case: Case) -> None:
    """Name each task in one operation only, by its id only, in any version and without users."""
    if case.path.endswith("/batch"):
        body: Any = case.body
        for number, operation in enumerate(body["operations"], start=1):
            operation.get("task", {}).pop("assignees", None)
            if operation["op"] != "create":
                operation |= {"id": number, "if_match": "*"}
                operation.get("task", {}).pop("id", None)


def _whole_numbers(value: Any) -> Any:
    """Write 1.0, which is an integer of JSON Schema, as 1, which the API requires of ids."""
    if isinstance(value, dict):
        return {name: _whole_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _intentionally_invalid(case: Case) -> set[str | None]:
    """Return the parameters that schemathesis made invalid on purpose."""
    data: Any = case.meta.phase.data if case.meta else None
    return {data.parameter, *(mutation.parameter for mutation in data.mutations)}


def use_after_free(ctx: Any, response: Any, case: Case) -> bool | None:
    """Replace the built-in check: this API returns `null` for a deleted resource."""
    gone = response.status_code == 200 and response.content == b"null\n"
    return None if gone else checks.use_after_free(ctx, response, case)


def ensure_resource_availability(ctx: Any, response: Any, case: Case) -> bool | None:
    """Replace the built-in check: a 404 may be about the users in `assignees`."""
    users = isinstance(case.body, dict) and case.body.get("assignees")
    if users and response.status_code == 404 and response.json()["detail"].startswith("user"):
        return None
    return checks.ensure_resource_availability(ctx, response, case)


CHECKS.register(use_after_free)
CHECKS.register(ensure_resource_availability)
