"""/v1/health"""

from chalicelib.dynamodb import queries
from chalicelib.http.endpoints import Router
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import Health

router = Router()


@router.endpoint("GET", "/v1/health", role=None)
def check_health() -> ApiResponse[Health]:
    """Check the health of the API.

    Reads from the database. Returns 503 if the database does not respond.
    """
    queries.ping()
    return ApiResponse(Health())
