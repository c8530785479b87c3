"""/v1/health"""

from chalice.app import Blueprint

from chalicelib.http.pipeline import endpoint
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import Health
from chalicelib.services import health

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/health", role=None)
def check_health() -> ApiResponse[Health]:
    """Check the health of the API.

    Reads from the database. Returns 503 if the database does not respond.
    """
    health.check()
    return ApiResponse(Health())
