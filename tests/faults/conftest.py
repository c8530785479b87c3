import pytest
from pynamodb.connection import Connection

from chalicelib.dynamodb import backoff
from chalicelib.settings import Settings
from tests.conftest import Api


@pytest.fixture
def no_retry_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without delay."""
    monkeypatch.setattr(backoff, "LONGEST", 0.0)


@pytest.fixture
def api(api: Api, database: Settings) -> Api:
    """The API on fresh tables."""
    return api


@pytest.fixture
def connection(endpoint: str, connections: dict[str, Connection]) -> Connection:
    """The connection that the API uses."""
    return connections[endpoint]
