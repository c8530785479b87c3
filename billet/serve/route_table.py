"""Find the route of a request's path."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from chalicelib.http.problems import HttpProblem


class Match(NamedTuple):
    """The route of a path."""

    route: str
    """The route's pattern, for example "/v1/tasks/{task_id}"."""
    allowed: tuple[str, ...]
    """The route's methods in alphabetical order, with HEAD and OPTIONS."""
    parameters: dict[str, str]
    """The values of the route's parameters, still percent-encoded; the app decodes them."""


class RouteTable:
    """The routes of an app, grouped by the number of their segments."""

    def __init__(self, routes: Mapping[str, Iterable[str]]) -> None:
        self.methods = _allowed({method for methods in routes.values() for method in methods})
        """The methods of all routes."""
        self._by_length: dict[int, list[tuple[str, list[str], tuple[str, ...]]]] = {}
        for route in sorted(routes):  # as in Chalice, literal segments come before parameters
            segments = route.split("/")
            row = (route, segments, _allowed(routes[route]))
            self._by_length.setdefault(len(segments), []).append(row)

    def match(self, path: str) -> Match:
        """Find the route of a path.

        An encoded slash is part of its segment (RFC 3986, section 2.2). No route has a segment with
        a slash or a semicolon.

        Args:
            path: as sent, percent-encoded.

        Raises:
            HttpProblem: 404 if there is no route, 400 if the path is not UTF-8.
        """
        path = "/" + path.lstrip("/")
        sent = (path.removesuffix("/") or "/").split("/")
        segments = [_decoded(segment) for segment in sent]
        for route, parts, allowed in self._by_length.get(len(segments), ()):
            pairs = list(zip(parts, segments, strict=True))
            if all(part == one or part.startswith("{") for part, one in pairs):
                parameters = {
                    part[1:-1]: raw
                    for part, raw in zip(parts, sent, strict=True)
                    if part.startswith("{")
                }
                return Match(route, allowed, parameters)
        raise _not_found()


def _allowed(methods: Iterable[str]) -> tuple[str, ...]:
    more = {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}
    return tuple(sorted({*methods, *more}))


def _decoded(segment: str) -> str:
    if "%" not in segment and ";" not in segment:
        return segment
    try:
        decoded = unquote(segment, errors="strict")
    except UnicodeDecodeError as error:
        raise HttpProblem(400, "path: must be UTF-8") from error
    if "/" in decoded or ";" in decoded:
        raise _not_found()
    return decoded


def _not_found() -> HttpProblem:
    return HttpProblem(404, "path: does not exist; /v1/openapi.json has all paths")
