"""The API allocates no id that its own paths refuse, and overwrites nothing that has the id."""

import pytest

from chalicelib.domain.errors import IdsUsedUp
from chalicelib.domain.ids import MAX_ID
from chalicelib.dynamodb import counters
from chalicelib.dynamodb.models import CounterModel
from chalicelib.dynamodb.transaction import Transaction
from tests.conftest import Api, Bind

BODIES = {"tasks": {"name": "Plan"}, "users": {"username": "ada"}}
pytestmark = pytest.mark.backend("moto")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("kind", BODIES)
def test_after_the_largest_id_a_create_is_a_503_that_says_so(api: Api, kind: str) -> None:
    counters.set_up(kind, above=MAX_ID - 1)
    created = api("POST", f"/v1/{kind}", BODIES[kind])
    assert created.status_code == 201
    assert api("GET", f"/v1/{kind}/{MAX_ID}").json_body["id"] == MAX_ID
    refused = api("POST", f"/v1/{kind}", dict.fromkeys(BODIES[kind], "other"))
    assert refused.status_code == 503
    assert refused.json_body["detail"] == f"no ids of {kind} are left; {MAX_ID} is the largest one"
    assert len(api("GET", f"/v1/{kind}").json_body) == 1


def test_no_lane_allocates_an_id_beyond_the_largest_one(bind: Bind) -> None:
    bind(4)
    counters.set_up("tasks", above=MAX_ID - 8)
    assert counters.allocate_ids("tasks", 8) == [*range(MAX_ID - 7, MAX_ID + 1)]
    for count in (1, 4):
        with pytest.raises(IdsUsedUp):
            counters.allocate_ids("tasks", count)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("kind", BODIES)
def test_a_create_with_an_id_that_is_taken_overwrites_nothing(api: Api, kind: str) -> None:
    """Only a counter that was set back by hand gives an id twice."""
    first = api("POST", f"/v1/{kind}", BODIES[kind])
    assert first.headers["Location"] == f"/v1/{kind}/1"
    before = api("GET", f"/v1/{kind}/1").json_body
    back = Transaction()
    back.update(CounterModel(f"{kind}#0"), [CounterModel.last.set(0)])
    back.commit()
    refused = api("POST", f"/v1/{kind}", dict.fromkeys(BODIES[kind], "other"))
    assert refused.status_code == 500
    assert api("GET", f"/v1/{kind}/1").json_body == before
