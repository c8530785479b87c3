"""What kinds of endpoints have in common: who may call them, the errors that they answer, the
headers that they take and give. Each is told once, with the rule for which endpoints it holds."""

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import msgspec

from chalicelib.api import problems
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.schemas import ListQuery

Rule = Callable[[Endpoint], bool]


def always(_: Endpoint) -> bool:
    return True


def is_guarded(endpoint: Endpoint) -> bool:
    return endpoint.role is not None


def creates(endpoint: Endpoint) -> bool:
    return endpoint.status == 201


def changes(endpoint: Endpoint) -> bool:
    return endpoint.method != "GET"


def takes_body(endpoint: Endpoint) -> bool:
    return "body" in endpoint.takes


def lists(endpoint: Endpoint) -> bool:
    return issubclass(endpoint.takes.get("query", object), ListQuery)


def gives_null(endpoint: Endpoint) -> bool:
    """Whether it answers `null` for what does not exist."""
    return type(None) in get_args(endpoint.gives)


def may_miss(endpoint: Endpoint) -> bool:
    """Whether it is an error when what the path names does not exist."""
    return "{" in endpoint.path and not gives_null(endpoint)


def is_conditional(endpoint: Endpoint) -> bool:
    """Whether it changes a thing that is there already."""
    return changes(endpoint) and not creates(endpoint)


def has_version(endpoint: Endpoint) -> bool:
    """Whether its answer has a version of a thing."""
    return gives_null(endpoint) or (changes(endpoint) and endpoint.method != "DELETE")


HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The version of the user or task; not with `null`.",
        "schema": {"type": "string", "pattern": '^"[1-9][0-9]*"$'},
        "example": '"1"',
    },
    "Idempotency-Replayed": {
        "description": "Whether this is what an earlier request with the same key was answered.",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
    "Location": {
        "description": "The path of what was made.",
        "required": True,
        "schema": {"type": "string", "pattern": r"^/.*/[1-9][0-9]*$"},
        "example": "/v1/tasks/1",
    },
    "Link": {
        "description": "The next page, where there is more; its query is for the same path.",
        "schema": {"type": "string", "pattern": r'^<\?.+>; rel="next"$'},
        "example": '<?cursor=WyJ0YXNrcyIs&page_size=100>; rel="next"',
    },
    "WWW-Authenticate": {
        "description": "What is asked for, and what is wrong with what was sent (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
        "example": 'Bearer realm="billet-tasks", error="invalid_token"',
    },
    "X-Request-Id": {
        "description": "The id of the request: the one that it came with, if that was well-formed.",
        "required": True,
        "schema": {"type": "string"},
        "example": "6c7ec7a2-71fe-4f4c-9d5f-4a1e1b7f0f5e",
    },
    "RateLimit-Policy": {
        "description": "What may be asked for, where there is a quota.",
        "schema": {"type": "string"},
        "example": '"burst";q=50;w=1, "quota";q=1000;w=60',
    },
    "RateLimit": {
        "description": "What is left of it, and in how many seconds it is whole again.",
        "schema": {"type": "string"},
        "example": '"burst";r=49;t=1, "quota";r=995;t=60',
    },
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
}
"""Headers of answers."""

SECURITY_SCHEMES: dict[str, dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from `billet token create` (`blt_…`), or one of the Cognito user"
        " pool that takes their place. Its role is reader, editor or admin, each of which may do"
        " what the one before may. Asked for in every deployment; locally with AUTH=on.",
    }
}

EVERYWHERE = ("X-Request-Id", "RateLimit-Policy", "RateLimit")
"""Which of them each answer has, errors too."""

GIVEN: dict[str, Rule] = {
    "ETag": has_version,
    "Idempotency-Replayed": changes,
    "Location": creates,
    "Link": lists,
    **dict.fromkeys(EVERYWHERE, always),
}
"""Which of them an endpoint gives where it succeeds."""

_TAG = '(W/)?"[!#-~]*"'
_TAGS = rf"^(\*|{_TAG}( *, *{_TAG})*)$"


def _header(name: str, description: str, pattern: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": schema,
        "example": example,
    }


TAKEN: list[tuple[dict[str, Any], Rule]] = [
    (
        _header(
            "Idempotency-Key",
            "A word of your own for this request. A repeat with the same one changes nothing and is"
            " answered alike, for 24 hours.",
            r'^("([ !#-\[\]-~]|\\["\\]){1,255}"|[A-Za-z0-9._~:+/=-]{1,255})$',
            '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
        ),
        changes,
    ),
    (
        _header(
            "If-Match",
            "The versions, as in `ETag`, of which one must be there now. Assign and unassign take"
            " the task's.",
            _TAGS,
            '"1"',
        ),
        is_conditional,
    ),
    (_header("If-None-Match", "The versions that you know.", _TAGS, '"1"'), gives_null),
]
"""Headers of requests, as parameters."""

NOT_MODIFIED = {
    "description": "It is what you know, by If-None-Match.",
    "headers": {name: name for name in ("ETag", *EVERYWHERE)},
}
"""An answer without a body."""


class Problem(NamedTuple):
    """An error that endpoints answer."""

    name: str
    status: int
    when: str
    detail: str
    """An example of it."""
    rule: Rule
    headers: tuple[str, ...] = ()

    def response(self) -> dict[str, Any]:
        """The response, to be told among the components."""
        media = {
            "schema": "Problem",
            "example": msgspec.json.decode(problems.body(self.status, self.detail)),
        }
        return {
            "description": self.when,
            "headers": {name: name for name in (*self.headers, *EVERYWHERE)},
            "content": {problems.CONTENT_TYPE: media},
        }


PROBLEMS = (
    Problem("BadRequest", 400, "It can't be read, or isn't allowed.", "name: required", always),
    Problem(
        "Unauthorized",
        401,
        "No token, or one that is not valid.",
        "authorization: the token is not valid",
        is_guarded,
        ("WWW-Authenticate",),
    ),
    Problem(
        "Forbidden",
        403,
        "The role of the token does not allow it.",
        "this needs the role editor, and you have reader",
        is_guarded,
        ("WWW-Authenticate",),
    ),
    Problem("NotFound", 404, "No such user or task.", "task 7 does not exist", may_miss),
    Problem(
        "Conflict",
        409,
        "The username is taken, the task has 50 assignees, others were changing the same thing, or"
        " a request with the same Idempotency-Key is under way.",
        "task 7 has 50 assignees already, the most a task may have",
        changes,
    ),
    Problem(
        "PreconditionFailed",
        412,
        "It has another version than If-Match names.",
        "task 7 is at version 3 by now",
        is_conditional,
    ),
    Problem("ContentTooLarge", 413, "Over 256 KiB.", "body: at most 262144 bytes", always),
    Problem(
        "UnsupportedMediaType",
        415,
        "It is not JSON.",
        "content-type: expected application/json",
        takes_body,
    ),
    Problem(
        "UnprocessableContent",
        422,
        "The Idempotency-Key was used before, for another request.",
        "idempotency-key: used before, for another request",
        changes,
    ),
    Problem(
        "PreconditionRequired",
        428,
        "If-Match is missing, where REQUIRE_IF_MATCH is on.",
        "if-match: required, the ETag of what is to be changed",
        is_conditional,
    ),
    Problem(
        "TooManyRequests",
        429,
        "More than there is room for.",
        "too many requests; try again",
        always,
        ("Retry-After",),
    ),
    Problem(
        "InternalServerError",
        500,
        "Our mistake, which the log tells of under the id of the request.",
        "request 6c7ec7a2-71fe-4f4c-9d5f-4a1e1b7f0f5e failed",
        always,
    ),
    Problem(
        "ServiceUnavailable",
        503,
        "The database, or the API, is overloaded or silent.",
        "the service is busy; try again",
        always,
        ("Retry-After",),
    ),
    Problem(
        "GatewayTimeout",
        504,
        "The gateway had no answer in time. Look before you repeat a change.",
        "no answer in time; look before you repeat a change",
        always,
    ),
)
