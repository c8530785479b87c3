"""Each call of each endpoint fails once, or permanently, before or after it takes effect.

The calls are recorded from a run without faults.
"""

from itertools import product
from typing import Any

import pytest
from chalice.test import HTTPResponse
from pynamodb.connection import Connection

from billet.integrity import findings
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS, board, docs
from tests.conftest import Api
from tests.support.injection import (
    FAULTS,
    Fault,
    contended,
    done_and_silent,
    inject_fault,
    throttled,
)
from tests.support.scenarios import CHANGES, READS, SECRET, Scenario, end_leases, recorded

pytestmark = [pytest.mark.backend("dynamodb-local"), pytest.mark.usefixtures("no_retry_delay")]

FAULT_CASES = [(fault, False) for fault in FAULTS] + [
    (fault, True) for fault in FAULTS if fault.lasts
]
"""Each fault once, and each lasting fault permanently."""


@pytest.mark.parametrize("request_", (CHANGES | READS).values(), ids=CHANGES | READS)
def test_a_failed_call_leaves_no_partial_effect(
    api: Api, connection: Connection, request_: tuple[Any, ...]
) -> None:
    clean, calls, before, after = recorded(api, connection, request_)
    for (fault, lasting), position in product(FAULT_CASES, range(len(calls))):
        scenario = Scenario(api)
        with inject_fault(connection, fault.handler, at=position, lasting=lasting):
            response = scenario.send(*request_)
        assert_correct_or_rejected(response, clean, fault, lasting)
        done = response.status_code == clean.status_code
        states = [after] if done else [before, after] if fault.done else [before]
        assert scenario.state() in states, (fault.name, position, lasting)
    assert [finding.text for finding in findings()] == []


@pytest.mark.walk
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_keyed_retry_after_a_failed_call_applies_the_write_once(
    api: Api, connection: Connection, change: tuple[Any, ...]
) -> None:
    clean, calls, before, after = recorded(api, connection, change, keyed=True)
    for (fault, lasting), position in product(FAULT_CASES, range(len(calls))):
        scenario = Scenario(api, keyed=True)
        with inject_fault(connection, fault.handler, at=position, lasting=lasting):
            response = scenario.send(*change)
        case = (fault.name, position, lasting)
        assert response.status_code == (fault.refusal if lasting else clean.status_code), case
        done = response.status_code == clean.status_code
        assert done or scenario.state() == before, case
        end_leases()
        again = scenario.send(*change)
        assert again.status_code == clean.status_code, case
        # A replayed response has no second effect, so the state shows every acknowledged write.
        replayed = done and change != SECRET
        assert replayed == ("Idempotency-Replayed" in again.headers), case
        assert not replayed or again.body == response.body, case
        assert scenario.state() == after, case
    assert [finding.text for finding in findings()] == []


def test_faults_are_injected_into_every_endpoint() -> None:
    scenario = {"idle": "{user_id}", "busy": "{user_id}", "free": "{task_id}", "held": "{task_id}"}
    tested = {
        (method, path.partition("?")[0].format_map(scenario))
        for method, path, *_ in (CHANGES | READS).values()
    }
    assert tested == {(one.method, one.path) for one in ENDPOINTS if not is_documentation(one)}


def is_documentation(endpoint: Endpoint) -> bool:
    """Return whether the endpoint is a document or page, which makes no call."""
    return endpoint.view.__module__ in {docs.__name__, board.__name__}


def test_an_error_response_does_not_hide_a_possible_earlier_success(
    api: Api, connection: Connection
) -> None:
    scenario = Scenario(api)
    handlers = iter([done_and_silent, contended, contended, contended, contended])
    with inject_fault(connection, lambda request: next(handlers)(request), at=1, lasting=True):
        response = scenario.send(*CHANGES["assign"])
    assert response.status_code == 503
    assert "check whether a change was made" in response.json_body["detail"]
    assert api("GET", f"/v1/users/{scenario.ids['idle']}/tasks").json_body != []


def assert_correct_or_rejected(
    response: HTTPResponse, clean: HTTPResponse, fault: Fault, lasting: bool
) -> None:
    """Assert that a single fault is retried and a lasting fault is a clean error."""
    wanted = fault.refusal if lasting else clean.status_code
    unsure = fault.unsure and not lasting
    assert response.status_code == wanted or (unsure and response.status_code == fault.refusal), (
        fault
    )
    if response.status_code == fault.refusal:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert fault.refusal != 503 or int(response.headers["Retry-After"]) > 0


@pytest.mark.walk
def test_a_keyed_repeat_of_a_batch_in_mode_each_does_what_was_not_done(
    api: Api, connection: Connection
) -> None:
    method, path, body = CHANGES["change several tasks"]
    change = (method, f"{path}?mode=each", body)
    _, calls, _, after = recorded(api, connection, change, keyed=True)
    for handler, position in product((throttled, done_and_silent), range(len(calls))):
        scenario = Scenario(api, keyed=True)
        with inject_fault(connection, handler, at=position, lasting=True):
            first = scenario.send(*change)
        case = (handler.__name__, position)
        end_leases()
        again = scenario.send(*change)
        assert (again.status_code, again.json_body["detail"]) == (200, "3 operations done"), case
        if first.status_code == 200:
            results = (response.json_body["results"] for response in (first, again))
            for before, result in zip(*results, strict=True):
                assert before["status"] >= 400 or before == result, case
        assert scenario.state() == after, case
    assert [finding.text for finding in findings()] == []
