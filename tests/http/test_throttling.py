"""A principal gets what the settings allow, to the request, and is told what is left."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from chalice.app import Request

from chalicelib.api import principals, throttling
from chalicelib.api.problems import Refused
from chalicelib.settings import Settings
from chalicelib.storage import client
from tests.conftest import Api
from tests.faults.injection import nothing_there, struck

START = 1_700_000_000.0


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the process takes for the time of day."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def limit() -> Iterator[Callable[..., None]]:
    """Sets the limits, `limit(rate_quota=500)`."""
    yield lambda **settings: throttling.bind(Settings(**settings))
    throttling.bind(Settings())


@pytest.fixture
def backend() -> str:
    """Any database would do for what is tested here."""
    return "moto"


@pytest.fixture
def _no_database() -> Iterator[None]:
    """Has DynamoDB answer at once that there is nothing."""
    connection = client.connect()
    client.bind(Settings(), connection)
    with struck(connection, nothing_there, lasting=True):
        yield


@pytest.mark.usefixtures("_no_database")
def test_of_1000_requests_at_twice_the_quota_just_the_quota_is_served(
    api: Api, clock: Clock, limit: Callable[..., None]
) -> None:
    limit(rate_quota=500, rate_window_seconds=60, rate_burst=20)
    for number in range(1000):
        clock.now = START + number * 0.06  # 1,000 in a minute, 17 in a second
        answer = api("GET", "/v1/health")
        assert answer.status_code == (200 if number < 500 else 429)
        assert answer.headers["RateLimit-Policy"] == '"burst";q=20;w=1, "quota";q=500;w=60'
        burst, quota = answer.headers["RateLimit"].split(", ")
        assert burst.startswith('"burst";r=')
        until_the_first_is_over = 60 - int(number * 0.06)
        assert quota == f'"quota";r={max(499 - number, 0)};t={until_the_first_is_over}'
        if number >= 500:
            assert answer.headers["Retry-After"] == str(until_the_first_is_over)
    clock.now = START + 60.01  # one of them is a minute ago
    assert [api("GET", "/v1/health").status_code for _ in range(2)] == [200, 429]


@pytest.mark.usefixtures("clock")
def test_a_burst_is_refused_with_the_problem_of_the_draft_and_costs_no_quota(
    api: Api, limit: Callable[..., None]
) -> None:
    limit(rate_quota=100, rate_burst=3)
    statuses = [api("GET", "/v1/tasks/0").status_code for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]  # what is refused for another reason counts
    answer = api("GET", "/v1/tasks/0")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "success": False,
        "detail": "more than 3 requests in 1 s; try again",
        "violated-policies": ["burst"],
    }
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["RateLimit"] == '"burst";r=0;t=1, "quota";r=97;t=60'


@pytest.mark.usefixtures("clock")
def test_16_threads_get_the_quota_together_and_each_is_told_another_rest() -> None:
    limiter = throttling.Limiter(quota=500, window=60, burst=500)

    def rest(_: int) -> str:
        try:
            return limiter.admit("token")["RateLimit"]
        except Refused:
            return "refused"

    with ThreadPoolExecutor(16) as threads:
        found = Counter(threads.map(rest, range(1000)))
    told = [f'"burst";r={left};t=1, "quota";r={left};t=60' for left in range(500)]
    assert found == Counter(told) + Counter(refused=500)


@pytest.mark.usefixtures("clock")
def test_a_token_is_counted_wherever_it_comes_from_and_without_one_the_address(
    limit: Callable[..., None],
) -> None:
    limit(rate_quota=1)
    principals.trust(principals.token_holder)
    token = {"id": "0123", "name": "ci", "role": "reader"}
    for address, said in (("10.0.0.1", token), ("10.0.0.1", {}), ("10.0.0.2", {})):
        throttling.admit(request_from(address, said))
    for address, said in (("10.0.0.2", token), ("10.0.0.2", {})):
        with pytest.raises(Refused):
            throttling.admit(request_from(address, said))
    principals.trust(principals.anonymous)


def request_from(address: str, authorizer: dict[str, str]) -> Request:
    event = {"headers": {}, "pathParameters": {}, "stageVariables": {}, "body": None}
    context = {"httpMethod": "GET", "resourcePath": "/", "identity": {"sourceIp": address}}
    query = {"multiValueQueryStringParameters": None}
    return Request(event | query | {"requestContext": context | {"authorizer": authorizer}})


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is not there")
def test_the_local_server_counts_each_address(server: str, limit: Callable[..., None]) -> None:
    limit(rate_quota=1)
    statuses = []
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
        transport = httpx.HTTPTransport(local_address=address)
        with httpx.Client(transport=transport) as client:
            statuses.append(client.get(f"http://{server}/v1/health").status_code)
    assert statuses == [200, 200, 429]


def test_only_a_stage_that_is_deployed_limits_unasked() -> None:
    assert [Settings(stage=stage).quota for stage in ("local", "dev", "prod")] == [0, 1000, 1000]
    assert Settings(stage="local", rate_quota=5).quota == 5
    assert Settings(stage="prod", rate_quota=0).quota == 0
