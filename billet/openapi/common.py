"""The parts of the document that endpoints share: headers, parameters, security and errors.

Each part has a rule that selects the endpoints that have it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import msgspec

from chalicelib.http.endpoints import Endpoint
from chalicelib.http.problems import CONTENT_TYPE, HttpProblem
from chalicelib.http.schemas import Batch, ListQuery

Rule = Callable[[Endpoint], bool]


def always(_: Endpoint) -> bool:
    return True


def is_guarded(endpoint: Endpoint) -> bool:
    return endpoint.role is not None


def creates(endpoint: Endpoint) -> bool:
    return endpoint.status == 201


def creates_entity(endpoint: Endpoint) -> bool:
    """Return whether it creates a user or a task, which has a path of its own."""
    return creates(endpoint) and not endpoint.path.endswith("/feed")


def is_calendar(endpoint: Endpoint) -> bool:
    return endpoint.path.endswith(".ics")


def changes(endpoint: Endpoint) -> bool:
    return endpoint.method != "GET"


def is_batch(endpoint: Endpoint) -> bool:
    """Return whether its body has several operations."""
    return endpoint.parameters.get("body") is Batch


def returns_version(endpoint: Endpoint) -> bool:
    if is_batch(endpoint) or endpoint.path.endswith("/feed"):
        return False
    return is_conditional(endpoint) or (changes(endpoint) and endpoint.method != "DELETE")


def reads(endpoint: Endpoint) -> bool:
    return not changes(endpoint)


def is_document(endpoint: Endpoint) -> bool:
    """Return whether its response is a file, whose ETag is a digest."""
    return endpoint.returns is msgspec.Raw


def is_conditional(endpoint: Endpoint) -> bool:
    """Return whether it is a GET whose response has an ETag."""
    return reads(endpoint) and (returns_null(endpoint) or lists(endpoint) or is_document(endpoint))


def takes_if_match(endpoint: Endpoint) -> bool:
    return endpoint.versioned or is_conditional(endpoint)


def takes_body(endpoint: Endpoint) -> bool:
    return "body" in endpoint.parameters


def lists(endpoint: Endpoint) -> bool:
    return issubclass(endpoint.parameters.get("query", object), ListQuery)


def returns_null(endpoint: Endpoint) -> bool:
    """Return whether its response is `null` for what does not exist."""
    return type(None) in get_args(endpoint.returns)


def can_be_missing(endpoint: Endpoint) -> bool:
    """Return whether it is a 404 for what does not exist."""
    names_users = "assignees" in getattr(endpoint.parameters.get("body"), "__struct_fields__", ())
    found_by_path = "{" in endpoint.path and not returns_null(endpoint)
    return found_by_path or names_users or is_batch(endpoint)


HEADERS: dict[str, dict[str, Any]] = {
    "Location": {
        "description": "The path of the new user or task.",
        "required": True,
        "schema": {"type": "string", "pattern": r"^/.*/[1-9][0-9]*$"},
        "example": "/v1/tasks/1",
    },
    "Link": {
        "description": "The URL of the next page, if there are more results (RFC 8288).",
        "schema": {"type": "string", "pattern": r'^<(https?://[^/?#]+)?/.+\?.+>; rel="next"$'},
        "example": '<https://tasks.example/v1/tasks?cursor=WyJ0YXNrcyIs&page_size=100>; rel="next"',
    },
    "ETag": {
        "description": "The current version; of a list a digest. A response of `null` has no ETag.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]+(-[0-9]+)?"$'},
        "example": '"3"',
    },
    "Idempotency-Replayed": {
        "description": "The response is that of an earlier request with the same key.",
        "schema": {"enum": ["true"], "type": "string"},
    },
    "WWW-Authenticate": {
        "description": "The scheme to use, and what is wrong with the token (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
        "example": 'Bearer realm="billet-tasks", error="invalid_token"',
    },
    "X-Request-Id": {
        "description": "The id of the request: the client's if it is well-formed, else a new one.",
        "required": True,
        "schema": {"type": "string"},
        "example": "6c7ec7a2-71fe-4f4c-9d5f-4a1e1b7f0f5e",
    },
    "traceresponse": {
        "description": "The trace of the request (W3C Trace Context): that of `traceparent`, if it"
        " is valid.",
        "required": True,
        "schema": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
        "example": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    },
    "RateLimit-Policy": {
        "description": "The limits, if there is a quota.",
        "schema": {"type": "string"},
        "example": '"burst";q=50;w=1, "quota";q=1000;w=60',
    },
    "RateLimit": {
        "description": "The remaining requests of each limit, and the seconds until it resets.",
        "schema": {"type": "string"},
        "example": '"burst";r=49;t=1, "quota";r=995;t=60',
    },
    "Retry-After": {
        "description": "The number of seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
}
"""The headers of responses."""

SECURITY_SCHEMES: dict[str, dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from `billet token create` (`blt_…`), or one of the Cognito user"
        " pool that replaces them. A token has the role reader, editor or admin; each role includes"
        " the one before it. Every stage requires a token. The stage local only requires one"
        " if AUTH is on.",
    }
}

COMMON_HEADERS = ("X-Request-Id", "traceresponse", "RateLimit-Policy", "RateLimit")
"""Those of every response, errors included."""

RESPONSE_HEADERS: dict[str, Rule] = {
    "Location": creates_entity,
    "Link": lists,
    "ETag": returns_version,
    "Idempotency-Replayed": changes,
    **dict.fromkeys(COMMON_HEADERS, always),
}
"""Those of successful responses, and the endpoints that have them."""

_TAG = r'(W/)?"[!#-~]*"'
_TAGS = {
    "anyOf": [
        {"type": "string", "enum": ["*"]},
        {"type": "string", "pattern": f"^{_TAG}( *, *{_TAG})*$"},
    ]
}
_KEY = r'^("([ !#-\[\]-~]|\\["\\]){1,255}"|[A-Za-z0-9._~:+/=-]{1,255})$'

REQUEST_HEADERS: list[tuple[dict[str, Any], Rule]] = [
    (
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A new random value, such as a UUID, for each change. The first request"
            " with a key makes the change; later requests with the same key get the response of the"
            " first. Use the same key only to retry the same request. A key belongs to the name"
            " of the token, so another token of that name can retry. It is kept for 24 hours.",
            "schema": {"type": "string", "pattern": _KEY},
        },
        changes,
    ),
    (
        {
            "name": "If-Match",
            "in": "header",
            "description": "An ETag from an earlier response; 412 if it is no longer current.",
            "schema": _TAGS,
        },
        takes_if_match,
    ),
    (
        {
            "name": "If-None-Match",
            "in": "header",
            "description": "An ETag from an earlier response; 304 if it is still current.",
            "schema": _TAGS,
        },
        is_conditional,
    ),
]
"""The headers of requests as parameters, and the endpoints that read them."""


class ErrorResponse(NamedTuple):
    """An error, and the endpoints that can respond with it."""

    name: str
    status: int
    description: str
    detail: str
    """An example."""
    rule: Rule
    headers: tuple[str, ...] = ()

    def response(self) -> dict[str, Any]:
        """Return the response as a component."""
        media = {
            "schema": "Problem",
            "example": msgspec.json.decode(HttpProblem(self.status, self.detail).body()),
        }
        return {
            "description": self.description,
            "headers": {name: name for name in (*self.headers, *COMMON_HEADERS)},
            "content": {CONTENT_TYPE: media},
        }


ERRORS = (
    ErrorResponse("BadRequest", 400, "The request is not valid.", "name: required", always),
    ErrorResponse(
        "Unauthorized",
        401,
        "The token is missing or not valid.",
        "authorization: the token is not valid",
        is_guarded,
        ("WWW-Authenticate",),
    ),
    ErrorResponse(
        "Forbidden",
        403,
        "The role of the token does not permit the request.",
        "authorization: requires the role editor; this token has reader",
        is_guarded,
        ("WWW-Authenticate",),
    ),
    ErrorResponse(
        "NotFound", 404, "The user or task does not exist.", "task 7 does not exist", can_be_missing
    ),
    ErrorResponse(
        "Conflict",
        409,
        "The username is taken, the task has 50 assignees, other clients were changing the same"
        " task, or a request with the same Idempotency-Key is in progress (with Retry-After).",
        "assignees: task 7 already has 50, the maximum",
        changes,
    ),
    ErrorResponse(
        "PreconditionFailed",
        412,
        "The version is not the one in If-Match.",
        "if-match: must have the current version of task 7, which is 3",
        lambda endpoint: takes_if_match(endpoint) or is_batch(endpoint),
    ),
    ErrorResponse(
        "ContentTooLarge",
        413,
        "The body is over 256 KiB.",
        "body: must have at most 262144 bytes",
        always,
    ),
    ErrorResponse(
        "UnsupportedMediaType",
        415,
        "Content-Type is not JSON, or Content-Encoding is not identity.",
        "content-type: must be application/json",
        always,
    ),
    ErrorResponse(
        "UnprocessableContent",
        422,
        "The Idempotency-Key was used for another request.",
        "idempotency-key: must be new for each request; another request has this key",
        changes,
    ),
    ErrorResponse(
        "PreconditionRequired",
        428,
        "If-Match is missing, and the deployment requires it.",
        "if-match: required; send the ETag of the version to change",
        lambda endpoint: endpoint.versioned or is_batch(endpoint),
    ),
    ErrorResponse(
        "TooManyRequests",
        429,
        "One or more limits are spent; Retry-After is the longest of their waits.",
        "requests: must be at most 1000 in 60 s; try again in 17 s",
        always,
        ("Retry-After",),
    ),
    ErrorResponse(
        "InternalServerError",
        500,
        "The API failed. The log has the cause under the id of the request.",
        "request 6c7ec7a2-71fe-4f4c-9d5f-4a1e1b7f0f5e failed",
        always,
    ),
    ErrorResponse(
        "ServiceUnavailable",
        503,
        "The database or the API is overloaded or does not respond.",
        "the service is busy; try again",
        always,
        ("Retry-After",),
    ),
    ErrorResponse(
        "GatewayTimeout",
        504,
        "The gateway had no response in time. A change may have happened: check before a retry.",
        "the service did not respond in time; check whether a change was made before you repeat it",
        always,
    ),
)
