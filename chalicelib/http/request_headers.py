"""Headers that a request repeats (RFC 9110, section 5.3).

API Gateway gives each line of a repeated header in `multiValueHeaders`. `billet.serve.asgi` tells
which headers are repeated. A WSGI server joins the lines with commas and does not tell.
"""

import re

from chalice.app import CaseInsensitiveMapping, Request

from chalicelib.http.problems import HttpProblem

SINGLE = ("authorization", "content-type", "idempotency-key")
"""Headers that a request has at most once. Content-Length and Host are checked by the server."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_CREDENTIALS = re.compile(rf"\s*{_WORD}[ \t]+[^\s=]")
"""A scheme and a token; a parameter of Digest has a `=` behind its name."""


def join(request: Request) -> None:
    """Joins the lines of each header, so that no line is lost."""
    given = request.to_original_event().get("multiValueHeaders")
    if given:
        headers: dict[str, str] = {}
        for name, lines in given.items():
            name = name.lower()
            earlier = [headers[name]] if name in headers else []
            headers[name] = ", ".join((*earlier, *lines))
        request.headers = CaseInsensitiveMapping(headers)


def require_single(request: Request) -> None:
    """Refuses a request that repeats a header which has one value.

    Raises:
        Refused: 400.
    """
    given = request.to_original_event().get("multiValueHeaders") or {}
    counts: dict[str, int] = {}
    for name, lines in given.items():
        counts[name.lower()] = counts.get(name.lower(), 0) + len(lines)
    for name in SINGLE:
        text = request.headers.get(name)
        if counts.get(name, 0) > 1 or (text and "," in text and _is_repeated(name, text)):
            raise repeated(name)


def repeated(name: str) -> HttpProblem:
    """The refusal of a request that repeats a header."""
    return HttpProblem(400, f"{name}: must be sent only once")


def has_several_credentials(text: str) -> bool:
    """Whether the value of Authorization holds those of two lines."""
    first, *others = _QUOTED.sub('""', text).split(",")
    if not others:
        return False
    bearer = first.partition(" ")[0].lower() == "bearer"
    empty = any(not part.strip() for part in (first, *others))
    return bearer or empty or any(_CREDENTIALS.match(part) for part in others)


def _is_repeated(name: str, text: str) -> bool:
    if name == "authorization":
        return has_several_credentials(text)
    # A comma outside of quotes is in no media type and in no key.
    return "," in _QUOTED.sub("", text)
