"""/v1/health"""

from msgspec import UNSET

from chalicelib import release
from chalicelib.dynamodb import schema_version
from chalicelib.http.endpoints import Router
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import Health

router = Router()


@router.endpoint("GET", "/v1/health", role=None)
def check_health() -> ApiResponse[Health]:
    """Check the health of the API.

    Reads from the database. Returns 503 if the database does not respond, or if its schema does not
    fit this release of the API.
    """
    schema = schema_version.read_usable()
    current = release.current()
    return ApiResponse(
        Health(version=current.version, commit=current.commit or UNSET, schema=schema)
    )
