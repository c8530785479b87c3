"""Header lines that a request repeats (RFC 9110, section 5.3).

API Gateway passes each line of a repeated header in `multiValueHeaders`. `billet.serve.asgi` passes
the names of repeated headers. A WSGI server joins the lines with commas and does not tell.
"""

import re

from chalice.app import CaseInsensitiveMapping, Request

from chalicelib.http.problems import HttpProblem

SINGLE = ("authorization", "content-type", "idempotency-key")
"""Headers that may have one line. The server checks Content-Length and Host."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_CREDENTIALS = re.compile(rf"\s*{_WORD}[ \t]+[^\s=]")
"""A scheme and a token. A parameter of Digest has a `=` after its name."""


def join_lines(request: Request) -> None:
    """Join the lines of each header with commas. Chalice itself keeps only the last line."""
    lines_by_name = request.to_original_event().get("multiValueHeaders")
    if lines_by_name:
        headers: dict[str, str] = {}
        for name, lines in lines_by_name.items():
            name = name.lower()
            earlier = [headers[name]] if name in headers else []
            headers[name] = ", ".join((*earlier, *lines))
        request.headers = CaseInsensitiveMapping(headers)


def require_single(request: Request) -> None:
    """Refuse a request that repeats a header of SINGLE.

    Raises:
        HttpProblem: 400.
    """
    lines_by_name = request.to_original_event().get("multiValueHeaders") or {}
    counts: dict[str, int] = {}
    for name, lines in lines_by_name.items():
        counts[name.lower()] = counts.get(name.lower(), 0) + len(lines)
    for name in SINGLE:
        text = request.headers.get(name)
        if counts.get(name, 0) > 1 or (text and "," in text and _is_repeated(name, text)):
            raise repeated(name)


def repeated(name: str) -> HttpProblem:
    """Return the problem for a request that repeats a header."""
    return HttpProblem(400, f"{name}: must be sent only once")


def has_several_credentials(text: str) -> bool:
    """Return whether the value of Authorization was joined from several lines."""
    first, *others = _QUOTED.sub('""', text).split(",")
    if not others:
        return False
    bearer = first.partition(" ")[0].lower() == "bearer"
    empty = any(not part.strip() for part in (first, *others))
    return bearer or empty or any(_CREDENTIALS.match(part) for part in others)


def _is_repeated(name: str, text: str) -> bool:
    if name == "authorization":
        return has_several_credentials(text)
    # Neither a media type nor an idempotency key has a comma outside of quotes.
    return "," in _QUOTED.sub("", text)
