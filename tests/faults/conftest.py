import pytest
from pynamodb.connection import Connection

from chalicelib.dynamodb import backoff, shared_state
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


@pytest.fixture(autouse=True)
def no_shared_state_reread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not reread `shared`, so that a request always makes the same calls."""
    monkeypatch.setattr(shared_state, "FRESH_SECONDS", 3600.0)


@pytest.fixture
def connection(endpoint: str, connections: dict[str, Connection]) -> Connection:
    """The connection that the API uses."""
    return connections[endpoint]
