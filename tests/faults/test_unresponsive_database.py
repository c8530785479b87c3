"""An unavailable database is a 503, and requests succeed again once it is back."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from billet.emulators import dynamodb_local
from chalicelib.dynamodb import client
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.scenarios import until_available
from tests.support.tables import make_tables

pytestmark = pytest.mark.backend("dynamodb-local")

REQUESTS = [("GET", "/v1/health"), ("GET", "/v1/tasks"), ("POST", "/v1/users", {"username": "ada"})]


@contextmanager
def own_database_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Process]:
    """Give the API its own database with a short timeout; yield the process of the database."""
    with dynamodb_local.run() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        settings = Settings(table_prefix="test")
        client.bind(settings)
        make_tables()
        monkeypatch.setattr(client, "READ_TIMEOUT", 0.2)
        client.bind(settings)
        port = endpoint.rpartition(":")[2]
        children = psutil.Process().children(recursive=True)
        [java] = [one for one in children if "java" in one.name() and port in one.cmdline()]
        yield java


def assert_refused(api: Api) -> None:
    for request in REQUESTS:
        response = api(*request)
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert int(response.headers["Retry-After"]) > 0


@pytest.mark.usefixtures("startable")
def test_an_unavailable_database_is_a_503_until_it_recovers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_database_process(monkeypatch) as process:
        process.suspend()
        assert_refused(api)
        process.resume()
        again = [until_available(api, *request).status_code for request in REQUESTS]
        assert again in (
            [200, 200, 201],
            [200, 200, 409],
        )  # 409: the first request took effect after its timeout
    assert_refused(api)
