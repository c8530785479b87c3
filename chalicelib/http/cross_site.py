"""Refuses what a page of another site can send in its visitor's name (CSRF).

A browser asks the API first (CORS) before it sends PUT, PATCH, DELETE or JSON for a page of another
site. It sends a form at once, so a POST that takes no JSON is refused by its Origin. With tokens,
such a page has none.
"""

from chalice.app import Request

from chalicelib.domain.errors import Invalid
from chalicelib.settings import Settings


def check(request: Request, settings: Settings) -> None:
    """Refuse a POST without a body from a page of another site, if requests need no token.

    Clients that are no browsers send no Origin.

    Raises:
        Invalid: the Origin is neither this host nor allowed by PUBLIC_URL or CORS_ORIGINS.
    """
    origin = request.headers.get("origin")
    if settings.authenticated or origin is None or "*" in settings.origins:
        return
    host = request.headers.get("host", "").lower()
    own = (f"http://{host}", f"https://{host}", settings.public_url.lower())
    if not origin or origin.lower() not in (*own, *settings.origins):
        raise Invalid("origin: must be that of this API, or one of PUBLIC_URL and CORS_ORIGINS")
