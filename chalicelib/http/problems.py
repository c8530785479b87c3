"""Errors as clients see them: application/problem+json (RFC 9457)."""

import random
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from chalicelib.domain.errors import BilletError, Conflict, Invalid, NotFound, Stale, Unavailable
from chalicelib.http.schemas import Problem

CONTENT_TYPE = "application/problem+json"
MAX_RETRY_AFTER = 3
"""Seconds."""

_STATUSES: dict[type[BilletError], int] = {
    Invalid: 400,
    NotFound: 404,
    Stale: 412,
    Conflict: 409,
    Unavailable: 503,
}


_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""RFC 9110 gave these new names, which Python has from 3.13 on."""


class HttpProblem(Exception):
    """A request that HTTP itself has a status for."""

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
        """A URI for the kind of problem (RFC 9457, section 3.1.1)."""
        self.headers = headers or {}
        self.violated_policies = violated_policies
        """The names of the policies of throttling that it would go beyond."""


def status_of(error: BilletError) -> int:
    """The status that stands for an error, or for the nearest of its bases."""
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def retry_after() -> Mapping[str, str]:
    """The header that goes with a 503: 1 to 3 s, by chance, lest all who are refused come back at
    once."""
    return {"Retry-After": str(random.randint(1, MAX_RETRY_AFTER))}  # noqa: S311


def body(
    status: int,
    detail: str,
    kind: str = "about:blank",
    violated_policies: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET,
) -> bytes:
    """The JSON of a problem, with a newline at the end.

    What is no Unicode text in `detail` is replaced.
    """
    problem = Problem(
        type=kind,
        title=_RENAMED.get(status) or HTTPStatus(status).phrase,
        status=status,
        detail=detail.encode("utf-8", "replace").decode(),
        violated_policies=violated_policies,
    )
    return msgspec.json.encode(problem) + b"\n"
