"""The contract tests run on both databases, with one lane and with several."""

import pytest

from tests.conftest import CONFIGURED_ENDPOINT, Api, Bind, why_no_dynamodb_local


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves moto, which is slow, one lane, unless DynamoDB Local can't be had for several."""
    others = [item for item in items if not _has_lanes_of_moto(item)]
    if len(others) < len(items) and (CONFIGURED_ENDPOINT or why_no_dynamodb_local() is None):
        items[:] = others


def _has_lanes_of_moto(item: pytest.Item) -> bool:
    called = getattr(item, "callspec", None)
    params = called.params if called else {}
    return params.get("backend") == "moto" and params.get("lanes", 1) > 1


@pytest.fixture(params=[1, 4], ids="lanes{}".format)
def lanes(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def api(bind: Bind, lanes: int, api: Api) -> Api:
    """The API on fresh tables."""
    bind(lanes)
    return api


@pytest.fixture
def user(api: Api) -> int:
    """A user's id."""
    ident: int = api("POST", "/v1/users", {"username": "ada"}).json_body["id"]
    return ident


@pytest.fixture
def task(api: Api) -> int:
    """A task's id."""
    ident: int = api("POST", "/v1/tasks", {"name": "plan"}).json_body["payload"]["id"]
    return ident
