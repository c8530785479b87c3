"""/v1/health"""

from chalicelib.http.endpoints import Router
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import Health
from chalicelib.services import health

router = Router()


@router.endpoint("GET", "/v1/health", role=None)
def check_health() -> ApiResponse[Health]:
    """Check the health of the API.

    Reads from the database. Returns 503 if the database does not respond.
    """
    health.check()
    return ApiResponse(Health())
