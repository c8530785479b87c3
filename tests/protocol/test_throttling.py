"""Rate limits are exact, and responses report the remaining quota."""

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import httpx
import pytest
from chalice.app import Request

from chalicelib.dynamodb import client
from chalicelib.dynamodb.schema_version import KNOWN
from chalicelib.http.authentication import UNAUTHENTICATED, token_holder
from chalicelib.http.problems import HttpProblem
from chalicelib.http.rate_limits import RateLimits
from chalicelib.services.rate_limiter import MAX_PRINCIPALS, Limiter
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.injection import inject_fault, nothing_there

pytestmark = pytest.mark.backend("moto")

START = 1_700_000_040.0
"""The start of a minute."""


class Clock:
    """A clock that is set by the test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the wall clock of the process."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def limit(**settings: int) -> pytest.MarkDecorator:
    """Set the limits of the app under test, `@limit(rate_quota=500)`."""
    return pytest.mark.settings(rate_shared="off", **settings)


@pytest.fixture
def _no_database() -> Iterator[None]:
    """Replace every DynamoDB response by an empty one."""
    connection = client.connect()
    client.bind(Settings(), connection)
    client.database.memory.schema = (KNOWN, KNOWN)
    with inject_fault(connection, nothing_there, lasting=True):
        yield


@pytest.mark.usefixtures("_no_database")
@limit(rate_quota=500, rate_window_seconds=60, rate_burst=20)
def test_1000_requests_at_twice_the_quota_get_exactly_the_quota(api: Api, clock: Clock) -> None:
    for number in range(1000):
        clock.now = START + number * 0.06  # 1,000 in a minute, 17 in a second
        response = api("GET", "/v1/tasks/1")
        assert response.status_code == (200 if number < 500 else 429)
        assert response.headers["RateLimit-Policy"] == '"burst";q=20;w=1, "quota";q=500;w=60'
        burst, quota = response.headers["RateLimit"].split(", ")
        assert burst.startswith('"burst";r=')
        until_the_window_ends = math.ceil(START + 60 - clock.now)
        assert quota == f'"quota";r={max(499 - number, 0)};t={until_the_window_ends}'
        if number >= 500:
            assert response.headers["Retry-After"] == str(until_the_window_ends)
    clock.now = START + 60
    assert '"quota";r=499;t=60' in api("GET", "/v1/tasks/1").headers["RateLimit"]


@pytest.mark.usefixtures("clock")
@limit(rate_quota=100, rate_burst=3)
def test_a_burst_gets_a_quota_exceeded_problem_and_uses_no_quota(api: Api) -> None:
    statuses = [api("GET", "/v1/tasks/0").status_code for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]  # requests rejected for another reason count
    response = api("GET", "/v1/tasks/0")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.body) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "success": False,
        "detail": "requests: must be at most 3 in 1 s; try again in 1 s",
        "violated-policies": ["burst"],
    }
    assert response.headers["Retry-After"] == "1"
    assert response.headers["RateLimit"] == '"burst";r=0;t=1, "quota";r=97;t=60'


@limit(rate_quota=3, rate_burst=3)
def test_retry_after_is_the_longest_wait_of_all_exceeded_policies(api: Api, clock: Clock) -> None:
    clock.now = START + 20.5
    responses = [api("GET", "/v1/tasks/0") for _ in range(4)]
    assert [response.status_code for response in responses] == [400, 400, 400, 429]
    assert responses[-1].headers["RateLimit"] == '"burst";r=0;t=1, "quota";r=0;t=40'
    assert responses[-1].headers["Retry-After"] == "40"
    problem = json.loads(responses[-1].body)
    assert problem["violated-policies"] == ["burst", "quota"]
    assert problem["detail"] == (
        "requests: must be at most 3 in 1 s and 3 in 60 s; try again in 40 s"
    )


@limit(rate_quota=4, rate_burst=3)
def test_a_rejected_request_uses_no_quota(api: Api, clock: Clock) -> None:
    for second, burst, quota in ((0, 0, 1), (1, 2, 0), (2, 3, 0)):
        clock.now = START + second
        values = [api("GET", "/v1/tasks/0").headers["RateLimit"] for _ in range(6)]
        assert values[-1] == f'"burst";r={burst};t=1, "quota";r={quota};t={60 - second}'


@pytest.mark.usefixtures("clock")
def test_a_process_keeps_only_the_most_recent_principals() -> None:
    limiter = Limiter(quota=1, window=86_400, burst=1_000)
    assert all(limiter.admit(f"address:{one}", shared=False)[0] for one in range(40_000))
    assert len(limiter) == MAX_PRINCIPALS
    assert not limiter.admit("address:39999", shared=False)[0]
    assert not limiter.admit(f"address:{40_000 - MAX_PRINCIPALS}", shared=False)[0]
    assert limiter.admit("address:0", shared=False)[0]  # evicted


@pytest.mark.usefixtures("clock")
def test_a_client_that_goes_on_is_not_evicted_by_others() -> None:
    limiter = Limiter(quota=1, window=3600, burst=100)
    assert limiter.admit("busy", shared=False)[0]
    for one in range(MAX_PRINCIPALS + 10):
        limiter.admit(f"address:{one}", shared=False)
        if one % 5_000 == 0:
            assert not limiter.admit("busy", shared=False)[0]
    assert not limiter.admit("busy", shared=False)[0]


@pytest.mark.usefixtures("clock")
def test_16_threads_share_the_quota_and_see_different_remainders() -> None:
    limiter = Limiter(quota=500, window=60, burst=500)

    def rest(_: int) -> tuple[bool, int, int]:
        admitted, (burst, quota) = limiter.admit("name:ci", shared=False)
        return admitted, burst.remaining, quota.remaining

    with ThreadPoolExecutor(16) as threads:
        found = Counter(threads.map(rest, range(1000)))
    assert found == Counter((True, left, left) for left in range(500)) + Counter(
        {(False, 0, 0): 500}
    )


@pytest.mark.usefixtures("clock")
def test_requests_are_counted_by_token_name_or_else_by_address() -> None:
    limits = RateLimits(Settings(rate_shared="off", rate_quota=1))
    token = {"id": "0123", "name": "ci", "role": "reader"}
    rotated = token | {"id": "4567"}
    like_an_address = token | {"name": "10.0.0.1"}
    admitted: list[tuple[str, dict[str, str]]] = [
        ("10.0.0.1", token),
        ("10.0.0.1", {}),
        ("10.0.0.2", {}),
        ("::1", like_an_address),
    ]
    for address, context in admitted:
        limits.admit(request_from(address), token_holder(context))
    for address, context in (
        ("10.0.0.2", rotated),
        ("10.0.0.2", {}),
        ("10.0.0.3", like_an_address),
    ):
        with pytest.raises(HttpProblem):
            limits.admit(request_from(address), token_holder(context))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:0:0:1", True),
        ("2001:db8::1", "2001:0DB8:0:0:1:2:3:4", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("::1", "10.0.0.1", False),
        ("no:address", "::1", False),
    ],
)
def test_addresses_of_one_ipv6_network_are_counted_together(
    first: str, second: str, together: bool
) -> None:
    limits = RateLimits(Settings(rate_shared="off", rate_quota=1))
    limits.admit(request_from(first), UNAUTHENTICATED)
    with pytest.raises(HttpProblem) if together else nullcontext():
        limits.admit(request_from(second), UNAUTHENTICATED)


def request_from(address: str) -> Request:
    event: dict[str, object] = {
        "headers": {},
        "pathParameters": {},
        "stageVariables": {},
        "body": None,
    }
    context = {"httpMethod": "GET", "resourcePath": "/", "identity": {"sourceIp": address}}
    query = {"multiValueQueryStringParameters": None}
    return Request(event | query | {"requestContext": context})


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is not there")
@pytest.mark.usefixtures("clock")
@limit(rate_quota=1)
def test_the_local_server_counts_each_address(server: str) -> None:
    statuses = []
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
        transport = httpx.HTTPTransport(local_address=address)
        with httpx.Client(transport=transport) as client:
            statuses.append(client.get(f"http://{server}/v1/health").status_code)
    assert statuses == [200, 200, 429]


def test_only_deployed_stages_have_a_rate_limit_by_default() -> None:
    assert [Settings(stage=stage).quota for stage in ("local", "dev", "prod")] == [0, 1000, 1000]
    assert Settings(stage="local", rate_quota=5).quota == 5
    assert Settings(stage="prod", rate_quota=0).quota == 0
