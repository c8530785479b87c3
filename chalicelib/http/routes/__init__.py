"""The endpoints of the API, by their subject."""

from collections.abc import Sequence

from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import board, docs, feeds, health, tasks, users
from chalicelib.settings import Settings

_ALWAYS = (
    *users.router.endpoints,
    *feeds.router.endpoints,
    *tasks.router.endpoints,
    *health.router.endpoints,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    *_ALWAYS,
    *docs.router.endpoints,
    *board.router.endpoints,
)
"""Every endpoint. Both the documentation and the board have `/`."""


def served(settings: Settings) -> Sequence[Endpoint]:
    """Return the endpoints that DOCS and BOARD leave on. `/` is the board's if both are on."""
    optional = {
        (endpoint.method, endpoint.path): endpoint
        for router, switch in ((docs.router, settings.docs), (board.router, settings.board))
        for endpoint in router.endpoints
        if switch == "on"
    }
    return [*_ALWAYS, *optional.values()]
