"""What the client raises. `str(error)` is one line for people."""

import re

_FIELD = re.compile(r"([A-Za-z][\w.\[\]-]*): ")


class BilletError(Exception):
    """Any failure of a call. Wrong arguments are a TypeError or ValueError instead."""

    idempotency_key: str | None = None
    """The key of the write that failed. Sent again with it, the write is still done only once."""


class TransportError(BilletError):
    """The API sent no response, or none that can be read. A write may have been made."""


class InvalidResponse(TransportError):
    """The response is not one of this API: a redirect, a page of a proxy, broken JSON."""


class NotModified(BilletError):
    """The version is still the one in `if_none_match`."""


class ApiError(BilletError):
    """The API refused the request, or failed."""

    def __init__(
        self,
        detail: str,
        *,
        status: int = 0,
        title: str = "",
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.title = title
        self.retry_after = retry_after
        """The seconds to wait before the next try, if the API says so."""
        self.request_id = request_id
        """The id under which the log of the API has the request."""

    @property
    def field(self) -> str | None:
        """The field, header or parameter that is wrong, which stands before the colon of detail."""
        found = _FIELD.match(self.detail)
        return found[1] if found else None


class BadRequest(ApiError):
    """400: a field, header or parameter is wrong; `field` names it."""


class Unauthorized(ApiError):
    """401: the token is missing, not valid, expired or revoked."""


class Forbidden(ApiError):
    """403: the role of the token does not permit the request."""


class NotFound(ApiError):
    """404: the user or task does not exist."""


class Conflict(ApiError):
    """409: the username is taken, or the task has as many assignees as it can have."""


class RequestInProgress(Conflict):
    """409: a request with the same idempotency key is still in progress."""


class PreconditionFailed(ApiError):
    """412: the version is not the one in `if_match`: another client has changed it."""


class KeyReused(ApiError):
    """422: the idempotency key was used for another request."""


class PreconditionRequired(ApiError):
    """428: the API requires `if_match` for this change."""


class TooManyRequests(ApiError):
    """429: a quota is spent; `retry_after` says for how long."""


class ServerError(ApiError):
    """5xx: the API failed. After a 503 or 504 a write may have been made."""


BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: KeyReused,
    428: PreconditionRequired,
    429: TooManyRequests,
}
