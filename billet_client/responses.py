"""Reading responses: bodies become models, and problems become exceptions."""

from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec

from billet_client.errors import (
    BY_STATUS,
    ApiError,
    BilletError,
    InvalidResponse,
    NotModified,
    RequestInProgress,
    ServerError,
)
from billet_client.retries import TEMPORARY, is_in_progress, retry_after

T = TypeVar("T")
LONGEST_EXCERPT = 60
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoder raises for bytes that are not the expected JSON."""


class _Problem(msgspec.Struct):
    """An error (RFC 9457), or one of API Gateway, which has `message`."""

    title: str = ""
    detail: str = ""
    message: str = ""


def body(response: httpx.Response, kind: type[T]) -> T:
    """Return the body of a response.

    Raises:
        InvalidResponse: it is not JSON of this type.
    """
    if "json" not in response.headers.get("content-type", ""):
        raise InvalidResponse(
            f"{_request(response)}: the response is not JSON: {_excerpt(response)}"
        )
    try:
        return msgspec.json.decode(response.content, type=kind)
    except UNREADABLE as error:
        raise InvalidResponse(
            f"{_request(response)}: the response is not valid: {error}"
        ) from error


def body_or_null(response: httpx.Response, kind: type[T]) -> T | None:
    """Return the body of a response, which is `null` for what does not exist."""
    found: T | None = body(response, kind | None)  # type: ignore[arg-type]
    return found


def error(response: httpx.Response) -> BilletError:
    """Return the error of a response that is not a success."""
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        return NotModified(f"{_request(response)}: not modified")
    if response.has_redirect_location:
        place = response.headers["location"]
        return InvalidResponse(
            f"{_request(response)}: redirects to {place}; use the URL of the API"
        )
    problem = _problem(response)
    if problem is None and response.status_code not in TEMPORARY and not response.is_server_error:
        code = response.status_code
        return InvalidResponse(
            f"{_request(response)}: {code} is not by the API: {_excerpt(response)}"
        )
    return _api_error(response, problem or _Problem())


def _api_error(response: httpx.Response, problem: _Problem) -> ApiError:
    status, phrase = response.status_code, response.reason_phrase
    kind = BY_STATUS.get(status, ServerError if response.is_server_error else ApiError)
    return (RequestInProgress if is_in_progress(response) else kind)(
        problem.detail or problem.message or f"{_request(response)}: {status} {phrase}",
        status=status,
        title=problem.title or phrase,
        retry_after=retry_after(response),
        request_id=response.headers.get("x-request-id"),
    )


def _problem(response: httpx.Response) -> _Problem | None:
    try:
        return msgspec.json.decode(response.content, type=_Problem)
    except UNREADABLE:
        return None


def _request(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url}"


def _excerpt(response: httpx.Response) -> str:
    """Return the beginning of the body in one line, for the text of an error."""
    text = " ".join(response.text[: 10 * LONGEST_EXCERPT].split())
    return repr(text if len(text) <= LONGEST_EXCERPT else f"{text[:LONGEST_EXCERPT]}…")
