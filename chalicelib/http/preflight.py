"""OPTIONS of every path, by which browsers ask what a page of another origin may send.

Chalice's own `cors=` has API Gateway answer by itself, which can name one origin only.
"""

from collections.abc import Callable, Iterable

from chalice.app import Chalice, Request, Response

from chalicelib.http import request_ids, response_headers


def register(app: Chalice) -> None:
    """Adds OPTIONS to every path that the app has by now. It needs no token: browsers send none."""
    for number, (path, methods) in enumerate(list(app.routes.items())):
        view = _view(app, [*methods, "OPTIONS"])
        app.route(path, methods=["OPTIONS"], name=f"preflight_{number}")(view)


def _view(app: Chalice, methods: Iterable[str]) -> Callable[..., Response]:
    told = response_headers.of_preflight(methods)

    def preflight(**path_parameters: str) -> Response:
        request: Request = app.current_request  # type: ignore[assignment]  # there is one here
        named = request_ids.settle(request.headers, app.lambda_context.aws_request_id)
        common = response_headers.of_reply(request.headers, request.method, 204)
        return Response("", {**common, **named, **told}, 204)

    return preflight
