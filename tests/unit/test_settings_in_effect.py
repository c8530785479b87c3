"""Each setting takes effect. LOG_LEVEL and TABLE_PREFIX apply to the process."""

import logging
from collections.abc import Iterator

import pytest

from chalicelib.app_factory import BilletApp, create_app
from chalicelib.dynamodb.models import TaskModel
from chalicelib.settings import Settings


@pytest.fixture
def _of_the_process() -> Iterator[None]:
    """Restore the settings of the process."""
    yield
    create_app(Settings())


@pytest.mark.usefixtures("_of_the_process")
def test_an_app_sets_up_the_log_and_the_tables_of_its_process() -> None:
    create_app(Settings(log_level="ERROR", table_prefix="mine"))
    assert logging.getLogger("chalicelib").level == logging.ERROR
    assert TaskModel.Meta.table_name == "mine-tasks"


def test_api_gateway_caches_an_authentication_for_auth_cache_seconds() -> None:
    [authorizer] = BilletApp(Settings(auth="on", auth_cache_seconds=7)).builtin_auth_handlers
    assert authorizer.ttl_seconds == 7


def test_apps_with_different_settings_are_independent() -> None:
    guarded, free = BilletApp(Settings(auth="on")), BilletApp(Settings(auth="off"))
    assert guarded.routes["/v1/tasks"]["GET"].authorizer
    assert free.routes["/v1/tasks"]["GET"].authorizer is None
