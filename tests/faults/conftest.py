import pytest
from pynamodb.connection import Connection

from chalicelib.settings import Settings
from chalicelib.storage import client
from tests.conftest import Api


@pytest.fixture(params=["dynamodb-local"])
def backend(request: pytest.FixtureRequest) -> str:
    """moto carries a transaction out again when it comes again."""
    name: str = request.param
    return name


@pytest.fixture
def api(api: Api, database: Settings) -> Api:
    """The API on fresh tables."""
    return api


@pytest.fixture
def connection(endpoint: str, connections: dict[str, Connection]) -> Connection:
    """The connection that the API uses."""
    return connections.setdefault(endpoint, client.connect())
