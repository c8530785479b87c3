"""What schemathesis can't know of the API from its description, which says it in words only."""

import uuid
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi import checks

from chalicelib.services import cursor as cursors
from chalicelib.services.pagination import Paging

Case = schemathesis.Case[Any]
PLACE = "2026-01-31T12:00:00.000000Z#0000000000000001"


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Makes right what is not what is tried to be wrong."""
    _mend_headers(case)
    _mend_cursor(case)


def _mend_headers(case: Case) -> None:
    """A key is new for each request; and nobody guesses a version."""
    for name, right in (("Idempotency-Key", uuid.uuid4().hex), ("If-Match", "*")):
        if name in (case.headers or {}) and name not in _spoiled(case):
            case.headers[name] = right
    if (
        case.method == "GET"
        and "If-Match" in (case.headers or {})
        and "If-Match" not in _spoiled(case)
    ):
        del case.headers["If-Match"]  # not even * is true of what does not exist


def _mend_cursor(case: Case) -> None:
    """A cursor is of the list that is asked for, and goes with page_size only."""
    query = case.query
    if not query or "cursor" not in query or "cursor" in _spoiled(case):
        return
    assert case.meta
    if case.meta.generation.mode.is_positive:
        cursor = cursors.encode(case.formatted_path.removeprefix("/v1/"), Paging(), PLACE)
        case.query = {"cursor": cursor} | {
            name: query[name] for name in ("page_size",) if name in query
        }
    else:
        case.query = {name: query[name] for name in query if name != "cursor"}


def _spoiled(case: Case) -> set[str | None]:
    """The parameters that were made to be refused."""
    data: Any = case.meta.phase.data if case.meta else None
    return {data.parameter, *(mutation.parameter for mutation in data.mutations)}


def use_after_free(ctx: Any, response: Any, case: Case) -> bool | None:
    """The check of this name, which takes a 404 for gone: here `null` says so, too."""
    gone = response.status_code == 200 and response.content == b"null\n"
    return None if gone else checks.use_after_free(ctx, response, case)


CHECKS.register(use_after_free)
