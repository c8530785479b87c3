"""Conditions of GET and HEAD, by RFC 9110, section 13."""

import re

import httpx
import pytest

from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS
from tests.conftest import Api
from tests.support.bulk_data import add_tasks

pytestmark = pytest.mark.backend("moto")

READS = [one for one in ENDPOINTS if one.method == "GET"]
DOCUMENTS = [one.path for one in READS if one.path.startswith("/docs")] + ["/v1/openapi.json"]
LISTS = ["/v1/tasks", "/v1/users", "/v1/users/1/tasks"]


@pytest.fixture
def api(api: Api, database: object) -> Api:
    """The API on fresh tables."""
    return api


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"1"', 200), ('"2", "1"', 200), ("*", 200), ('"2"', 412), ('W/"1"', 412), ('"01"', 412)],
)
def test_if_match_is_evaluated_for_versioned_resources(
    api: Api, condition: str, status: int
) -> None:
    api("POST", "/v1/users", {"username": "ada"})
    add_tasks(1)
    for path in ("/v1/tasks/1", "/v1/users/1"):
        assert api("GET", path, If_Match=condition).status_code == status


@pytest.mark.parametrize("condition", ["*", '"1"'])
def test_a_missing_resource_matches_no_condition(api: Api, condition: str) -> None:
    for path in ("/v1/tasks/7", "/v1/users/7"):
        assert api("GET", path, If_Match=condition).status_code == 412
        response = api("GET", path, If_None_Match=condition)
        assert (response.status_code, response.json_body) == (200, None)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_has_a_strong_etag_of_its_content(api: Api, path: str) -> None:
    response = api("GET", path)
    tag = response.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert api("GET", path).headers["ETag"] == tag
    for known in (tag, f'"1", W/{tag}', "*"):
        unchanged = api("GET", path, If_None_Match=known)
        assert (unchanged.status_code, unchanged.body) == (304, b"")
        assert unchanged.headers["ETag"] == tag
    assert api("GET", path, If_Match=tag).body == response.body
    assert api("GET", path, If_Match='"1"').status_code == 412
    assert api("GET", path, If_None_Match='"1"').body == response.body


def test_each_document_has_its_own_etag(api: Api) -> None:
    assert len({api("GET", path).headers["ETag"] for path in DOCUMENTS}) == len(DOCUMENTS)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_an_etag_until_a_body_or_the_link_changes(api: Api, path: str) -> None:
    api("POST", "/v1/users", {"username": "ada"})
    api("POST", "/v1/users", {"username": "eve"})
    add_tasks(2, assignees=[1])
    tags = []
    for query in ("?page_size=2", "?page_size=1", "?page_size=1&order=asc"):
        response = api("GET", path + query)
        tags.append(response.headers["ETag"])
        assert re.fullmatch(r'"[0-9a-f]{32}"', tags[-1])
        unchanged = api("GET", path + query, If_None_Match=tags[-1])
        assert (unchanged.status_code, unchanged.body) == (304, b"")
        assert unchanged.headers.get("Link") == response.headers.get("Link")
        assert api("GET", path + query, If_Match='"1"').status_code == 412
    assert len(set(tags)) == 3
    last = api("GET", f"{path}?page_size=1")
    oldest = api("GET", f"{path}?order=asc").json_body[0]["id"]
    api("DELETE", f"{'/v1/users' if path == '/v1/users' else '/v1/tasks'}/{oldest}")
    changed = api("GET", f"{path}?page_size=1", If_None_Match=tags[1])
    assert (changed.status_code, changed.body) == (200, last.body)  # without a link


def test_health_exists_and_has_no_etag(api: Api) -> None:
    for headers, status in (
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"1"'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"1"'}, 412),
    ):
        response = api("GET", "/v1/health", **headers)
        assert (response.status_code, "ETag" in response.headers) == (status, False)


@pytest.mark.parametrize("one", READS, ids=lambda one: one.view.__name__)
def test_the_description_has_conditions_only_for_resources_with_an_etag(
    api: Api, one: Endpoint
) -> None:
    api("POST", "/v1/users", {"username": "ada"})
    add_tasks(1)
    tagged = "ETag" in api("GET", re.sub("{.*?}", "1", one.path)).headers
    described = api("GET", "/v1/openapi.json").json_body["paths"].get(one.path)
    if described is None:
        return
    offered = {each["name"] for each in described["get"]["parameters"]}
    for name in ("If-Match", "If-None-Match"):
        assert (name in offered) is tagged
    assert ("304" in described["get"]["responses"]) is tagged
    assert ("412" in described["get"]["responses"]) is tagged


def test_head_returns_the_headers_of_get(server: str) -> None:
    add_tasks(1)
    for condition, status in (('"1"', 200), ('"2"', 412)):
        headers = {"If-Match": condition}
        assert httpx.head(f"http://{server}/v1/tasks/1", headers=headers).status_code == status
