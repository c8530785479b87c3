"""The API as a WSGI application: `gunicorn --threads 16 billet.serve.wsgi:application`.

The WSGI server must limit heads, time out slow clients, and detect truncated bodies. The
environment must name the database, and the tables must exist (`python -m billet migrate up`).
`billet serve` uses `billet.serve.asgi` instead.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import app
from billet.serve import hosts, logs
from billet.serve.gateway import Gateway, Request, Response
from chalicelib.http.parsing import MAX_BODY, check_length
from chalicelib.http.problems import HttpProblem

Environ = dict[str, Any]
logs.set_up()
_gateway = Gateway(app.app, hosts.allowed(app.app.settings))


def application(environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
    """Respond to one request (PEP 3333)."""
    response = _respond(_request(environ), environ)
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    start_response(f"{response.status} {phrase}", response.header_lines())
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


def _respond(request: Request, environ: Environ) -> Response:
    result = _gateway.route(request)
    if isinstance(result, Response):
        return result
    try:
        body = _body(environ)
    except HttpProblem as problem:
        return _gateway.problem_response(request, problem)
    return _gateway.respond(request, result, body)


def _body(environ: Environ) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if chunked and not environ.get("wsgi.input_terminated"):
        raise HttpProblem(411, "content-length: required; this server does not read chunked bodies")
    body: bytes = environ["wsgi.input"].read(MAX_BODY + 1 if chunked else length)
    check_length(len(body))
    if len(body) < length:
        raise HttpProblem(400, "body: is incomplete; the connection ended early")
    return body


def _request(environ: Environ) -> Request:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    headers["x-forwarded-proto"] = environ["wsgi.url_scheme"]
    return Request(
        method=environ["REQUEST_METHOD"],
        path=_path(environ),
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        client=environ.get("REMOTE_ADDR", ""),
        protocol=environ["SERVER_PROTOCOL"],
    )


def _path(environ: Environ) -> str:
    """Return the path as sent if the server passes it, else the decoded path, encoded again.

    In the latter an encoded slash cannot be told from a slash.
    """
    sent: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if sent == "*":
        return sent
    if sent.startswith("/") and not environ.get("SCRIPT_NAME"):
        return sent.partition("?")[0].partition("#")[0]
    return quote(environ.get("PATH_INFO", "").encode("latin-1"))
