"""/v1/health"""

from chalice.app import Blueprint

from chalicelib import health
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import endpoint
from chalicelib.api.schemas import Health

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/health", role=None)
def check_health() -> Answer[Health]:
    """Check the health of the API.

    Reads from the database. Returns 503 if the database does not respond.
    """
    health.check()
    return Answer(Health())
