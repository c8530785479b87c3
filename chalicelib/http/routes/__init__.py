"""The endpoints of the API, by their subject."""

from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import docs, feeds, health, tasks, users

ENDPOINTS: tuple[Endpoint, ...] = (
    *users.router.endpoints,
    *feeds.router.endpoints,
    *tasks.router.endpoints,
    *health.router.endpoints,
    *docs.router.endpoints,
)
"""Every endpoint."""
