"""Each error of the client is one line that says what to do."""

import pytest

from billet.people.client_errors import one_line
from billet_client import (
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    InvalidResponse,
    NotFound,
    PreconditionFailed,
    ServerError,
    TooManyRequests,
    Unauthorized,
)

SERVER = "https://tasks.example.com"


def of(kind: type[ApiError], status: int, detail: str, wait: float | None = None) -> ApiError:
    return kind(detail, status=status, retry_after=wait)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (of(BadRequest, 400, "name: must be …"), "name: must be …"),
        (
            of(Unauthorized, 401, "no"),
            f"{SERVER} does not accept this token; run `billet login`",
        ),
        (
            of(Forbidden, 403, "the role reader may not"),
            "the role reader may not; ask an administrator for a token with another role",
        ),
        (of(NotFound, 404, "task 7 does not exist"), "task 7 does not exist"),
        (of(Conflict, 409, "username: is taken"), "username: is taken"),
        (
            of(PreconditionFailed, 412, "if-match: …"),
            "someone else has changed it meanwhile; look at it, then run the command again",
        ),
        (of(TooManyRequests, 429, "quota", 7.0), "quota; try again in 7 s"),
        (of(TooManyRequests, 429, "quota."), "quota; try again later"),
        (
            of(ServerError, 503, "the database does not respond"),
            f"{SERVER} failed: the database does not respond; try again later",
        ),
        (
            InvalidResponse("GET /: <html>\n"),
            f"{SERVER} (from here) is not a server of Billet Tasks (GET /: <html>); "
            "set BILLET_URL or run `billet login --url`",
        ),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(error: ApiError, line: str) -> None:
    refusal = "does not accept this token; run `billet login`"
    assert one_line(error, SERVER, refusal=refusal, origin=lambda: "from here") == line
