"""SERVER_TIMING=on: each response says where its time went."""

import re

import httpx
import pytest

from chalicelib.app_factory import BilletApp
from chalicelib.http.request_log import RequestRecord
from chalicelib.settings import Settings
from tests.conftest import Api

pytestmark = pytest.mark.backend("moto")

OURS = "https://tasks.example"
NUMBER = r"\d+\.\d+"
timed = pytest.mark.settings(server_timing="on", cors_origins=OURS)


@timed
@pytest.mark.usefixtures("database")
def test_a_response_has_the_times_the_calls_and_the_units(api: Api) -> None:
    created = api("POST", "/v1/tasks", {"name": "plan"})
    pattern = rf'db;dur={NUMBER};desc="\d calls, {NUMBER} WCU", app;dur={NUMBER}, wait;dur=0.0'
    assert re.fullmatch(pattern, created.headers["Server-Timing"])
    refused = api("POST", "/v1/tasks", {"name": 7})
    pattern = rf'db;dur=0.0;desc="0 calls", app;dur={NUMBER}, wait;dur=0.0'
    assert re.fullmatch(pattern, refused.headers["Server-Timing"])


def test_waits_before_retries_are_shown_apart() -> None:
    record = RequestRecord(wait_seconds=0.5)
    record.stats.add(backoff_seconds=0.25)
    *_, wait, backoff = record.server_timing().split(", ")
    assert (wait, backoff) == ("wait;dur=500.0", "backoff;dur=250.0")


@timed
def test_responses_that_are_not_the_apps_have_it_too(server: str) -> None:
    for method, path in (("GET", "/nothing"), ("BREW", "/v1/tasks"), ("OPTIONS", "/v1/tasks")):
        response = httpx.request(method, f"http://{server}{path}")
        assert response.headers["Server-Timing"].startswith('db;dur=0.0;desc="0 calls"')


@timed
def test_pages_of_allowed_origins_may_read_it(api: Api) -> None:
    allowed = api("GET", "/v1/tasks/0", Origin=OURS)
    assert allowed.headers["Timing-Allow-Origin"] == OURS
    other = api("GET", "/v1/tasks/0", Origin="https://other.example")
    assert "Timing-Allow-Origin" not in other.headers


def test_it_is_off_by_default(api: Api) -> None:
    response = api("GET", "/v1/tasks/0", Origin=OURS)
    assert not {"Server-Timing", "Timing-Allow-Origin"} & set(response.headers)
    assert BilletApp(Settings()).settings.server_timing == "off"
