"""The smoke test of `billet deploy`, on APIs that work and that do not."""

from typing import Any

import pytest

from billet import __version__
from billet.deploy import smoke
from billet.deploy.smoke import SmokeTestFailed
from chalicelib.dynamodb.models import TaskModel, TokenModel, UserModel

pytestmark = [pytest.mark.backend("moto"), pytest.mark.usefixtures("one_attempt")]

EXPECTED = {"version": __version__}


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the emulator's endpoint, and do not wait for the API."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr(smoke, "READY_ATTEMPTS", 1)


def run(server: str, **expected: Any) -> None:
    smoke.run(f"http://{server}/", {**EXPECTED, **expected})


def left() -> list[str]:
    """Return the names of the tables that have items."""
    return [
        model.Meta.table_name for model in (TaskModel, TokenModel, UserModel) if [*model.scan()]
    ]


@pytest.mark.settings(auth="on", require_if_match="on", rate_quota=5, rate_window_seconds=1)
def test_the_smoke_test_leaves_nothing_behind_whatever_the_settings(server: str) -> None:
    run(server)
    assert left() == []


@pytest.mark.usefixtures("same_window")
@pytest.mark.settings(auth="on", rate_quota=2, rate_window_seconds=86400)
def test_a_second_deployment_passes_within_a_window_of_a_small_quota(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the health, which needs no token, is a request of the same principal each time."""
    monkeypatch.setattr(smoke, "LONGEST_WINDOW_SECONDS", 0)
    for _ in range(2):
        run(server)
    assert left() == []


@pytest.mark.settings(auth="on")
def test_a_user_whose_response_was_lost_is_removed(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "REMOVE_PAUSE_SECONDS", 0)
    send = smoke._Api.send

    def lost(api: Any, method: str, path: str, body: Any = None, token: str = "") -> Any:
        reply = send(api, method, path, body, token)
        if (method, path) == ("POST", "/v1/tasks"):
            raise SmokeTestFailed("POST /v1/tasks: no response")
        return reply

    with monkeypatch.context() as broken:
        broken.setattr(smoke._Api, "send", lost)
        with pytest.raises(SmokeTestFailed, match="POST /v1/tasks: no response"):
            run(server)
    assert left() == []


@pytest.mark.settings(auth="off")
def test_an_api_that_accepts_a_wrong_token_fails(server: str) -> None:
    with pytest.raises(SmokeTestFailed, match="GET /v1/users: 200 in place of 401"):
        run(server)
    assert left() == []


@pytest.mark.settings(auth="on")
def test_an_api_of_another_version_fails(server: str) -> None:
    with pytest.raises(SmokeTestFailed, match="GET /v1/health: version is not 9"):
        run(server, version="9")


@pytest.mark.settings(auth="on")
def test_after_a_wrong_response_the_user_and_the_token_are_removed(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(TaskModel.Meta, "table_name", "missing")
        with pytest.raises(SmokeTestFailed, match="POST /v1/tasks: 5"):
            run(server)
    assert left() == []


def test_an_api_that_does_not_respond_fails() -> None:
    with pytest.raises(SmokeTestFailed, match="GET /v1/health: no response"):
        run("127.0.0.1:9")
