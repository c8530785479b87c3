"""/v1/health"""

from chalice.app import Blueprint, Response

from chalicelib import health
from chalicelib.api.endpoint import answer, endpoint
from chalicelib.api.schemas import Health

blueprint = Blueprint(__name__)


@endpoint(blueprint, "GET", "/health")
def check_health() -> Response:
    health.check()
    return answer(Health())
