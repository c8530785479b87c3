"""Errors as clients see them: application/problem+json (RFC 9457)."""

import logging
import random
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from chalicelib.domain.errors import (
    BilletError,
    Conflict,
    Invalid,
    NotFound,
    OperationFailed,
    OutcomeUnknown,
    Stale,
    Unavailable,
)
from chalicelib.http import request_log
from chalicelib.http.schemas import Problem

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
MAX_RETRY_AFTER = 3
"""Seconds."""

_STATUSES: dict[type[BilletError], int] = {
    Invalid: 400,
    NotFound: 404,
    Stale: 412,
    Conflict: 409,
}
_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""The phrases of RFC 9110, which Python has from 3.13 on."""


class HttpProblem(Exception):
    """An error that is sent to the client.

    Args:
        detail: what is wrong, and what is allowed.
        kind: a URI for the kind of problem (RFC 9457, section 3.1.1).
        headers: further headers of the response.
        violated_policies: the names of the rate limits that are spent.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        violated_policies: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.headers = {"Content-Type": CONTENT_TYPE, **(headers or {})}
        self.violated_policies = violated_policies

    def problem(self) -> Problem:
        """Return the body. Lone surrogates in the detail become `?`."""
        return Problem(
            type=self.kind,
            title=_RENAMED.get(self.status) or HTTPStatus(self.status).phrase,
            status=self.status,
            detail=str(self).encode("utf-8", "replace").decode(),
            violated_policies=self.violated_policies,
        )

    def body(self) -> bytes:
        """Return the JSON of the body, with a newline at the end."""
        return msgspec.json.encode(self.problem()) + b"\n"


def of_error(error: Exception, *, read_only: bool = False) -> HttpProblem:
    """Return what the client is told of an error. An unexpected one is logged and becomes a 500.

    Args:
        read_only: whether the request changes nothing.
    """
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, OutcomeUnknown) and read_only:
        return unavailable("the database did not respond; try again")
    if isinstance(error, Unavailable):
        return unavailable(str(error))
    if isinstance(error, BilletError):
        cause = error.error if isinstance(error, OperationFailed) else error
        return HttpProblem(_status(cause), str(error))
    log.error("unexpected error:", exc_info=error)
    return HttpProblem(500, f"request {request_log.current().request_id} failed")


def unavailable(detail: str) -> HttpProblem:
    """Return a 503. Its Retry-After is random, so that clients do not all come back at once."""
    seconds = random.randint(1, MAX_RETRY_AFTER)  # noqa: S311
    return HttpProblem(503, detail, headers={"Retry-After": str(seconds)})


def _status(error: BilletError) -> int:
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
