"""Every call of both clients, on the API."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from billet_client import (
    Assign,
    BadRequest,
    Client,
    Conflict,
    Create,
    Delete,
    Forbidden,
    KeyReused,
    NotFound,
    NotModified,
    Patch,
    PreconditionFailed,
    PreconditionRequired,
    Task,
    TooManyRequests,
    Unauthorized,
    User,
)
from chalicelib.services import tokens
from tests.client.conftest import BLOCKING_ONLY, ClientFactory
from tests.support.in_process import Faulty

pytestmark = [pytest.mark.backend("moto"), pytest.mark.usefixtures("database")]
DUE = date(2030, 12, 24)


def test_a_task_is_created_read_changed_and_deleted(billet: Client) -> None:
    begun = datetime.now(UTC).date()
    task = billet.tasks.create("Write the report", desc="Two pages", expires_at=DUE)
    days = {begun, datetime.now(UTC).date()}
    assert isinstance(task, Task)
    assert (task.id, task.name, task.desc, task.status) == (
        1,
        "Write the report",
        "Two pages",
        "PENDING",
    )
    assert (task.expires_at, task.assignees) == (DUE, ())
    assert task.created_at in days
    assert task.updated_at.tzinfo is UTC
    assert task.updated_at.date() == task.created_at
    assert task.etag == '"1"'
    assert billet.tasks.get(1) == task
    assert billet.tasks.update(1, status="DONE", expires_at="2031-01-31").expires_at == date(
        2031, 1, 31
    )
    assert billet.tasks.update(1, expires_at=None).expires_at is None
    replaced = billet.tasks.replace(1, name="Again", desc="", status="PENDING", expires_at=DUE)
    assert (replaced.name, replaced.desc, replaced.expires_at) == ("Again", "", DUE)
    deleted = billet.tasks.delete(1)
    assert (deleted.detail, deleted.etag) == ("task 1 deleted", None)
    with pytest.raises(NotFound, match=r"^task 1 does not exist$") as missing:
        billet.tasks.get(1)
    assert missing.value.request_id


def test_a_user_is_created_read_renamed_and_deleted(billet: Client) -> None:
    user = billet.users.create("ann")
    assert isinstance(user, User)
    assert (user.id, user.username, user.etag) == (1, "ann", '"1"')
    assert billet.users.get(1) == user
    assert [one.etag for one in billet.users.list()] == [None]
    renamed = billet.users.rename(1, "anna", if_match=user.etag)
    assert (renamed.username, renamed.etag) == ("anna", '"2"')
    assert [one.username for one in billet.users.list()] == ["anna"]
    assert billet.users.delete(1, if_match=renamed.etag).detail == "user 1 deleted"
    with pytest.raises(NotFound, match=r"^user 1 does not exist$"):
        billet.users.get(1)


@BLOCKING_ONLY
def test_assignees_are_a_field_of_a_task(billet: Client) -> None:
    for name in ("ann", "ben", "cem"):
        billet.users.create(name)
    assert billet.tasks.create("plan", assignees=[2, 1]).assignees == (1, 2)
    assert billet.tasks.update(1, status="DONE").assignees == (1, 2)
    assert billet.tasks.update(1, assignees=(3,)).assignees == (3,)
    with pytest.raises(NotFound, match="8"):
        billet.tasks.update(1, assignees=[3, 8])
    replaced = billet.tasks.replace(1, name="x", desc="", status="DONE", assignees=[])
    assert replaced.assignees == ()


def test_a_task_is_assigned_and_unassigned(billet: Client) -> None:
    billet.users.create("ann")
    billet.tasks.create("plan")
    assigned = billet.tasks.assign(1, 1)
    assert (assigned.detail, assigned.etag) == ("task 1 assigned to user 1", '"2"')
    assert billet.tasks.get(1).assignees == (1,)
    assert [task.id for task in billet.tasks.list(user=1)] == [1]
    unassigned = billet.tasks.unassign(1, 1, if_match=assigned.etag)
    assert (unassigned.detail, unassigned.etag) == ("task 1 unassigned from user 1", '"3"')


@BLOCKING_ONLY
@pytest.mark.settings(auth="on", require_if_match="on")
def test_a_feed_has_a_url_until_it_is_revoked(connect: ClientFactory, transport: Faulty) -> None:
    admin, _ = tokens.issue("eva", "admin", None)
    billet = connect(token=admin)
    billet.users.create("ann")
    url = billet.users.create_feed(1)
    with httpx.Client(transport=transport) as calendar:
        assert calendar.get(url).text.startswith("BEGIN:VCALENDAR")
        assert "feed" in billet.users.revoke_feed(1).detail
        assert calendar.get(url).status_code in (401, 404)


@BLOCKING_ONLY
def test_a_batch_makes_all_changes_or_none_or_each_by_itself(billet: Client) -> None:
    billet.users.create("ann")
    created = billet.tasks.batch([Create("a", expires_at=DUE, assignees=[1]), Create("b")])
    assert [(one.op, one.status, one.id, one.etag) for one in created] == [
        ("create", 201, 1, '"1"'),
        ("create", 201, 2, '"1"'),
    ]
    assert created[0].payload == billet.tasks.get(1)
    with pytest.raises(PreconditionFailed) as raised:
        billet.tasks.batch([Delete(1), Patch(2, status="DONE", if_match='"9"')])
    assert raised.value.field == "operations[1].if_match"
    with pytest.raises(BadRequest) as wrong:
        billet.tasks.batch([Create("c"), Create(" ")])
    assert wrong.value.field == "operations[1].task.name"
    each = billet.tasks.batch([Assign(2, 1), Delete(7), Patch(1, name="z")], mode="each")
    assert [one.status for one in each] == [200, 404, 200]
    assert each[1].error is not None
    assert (each[1].error.title, each[1].payload) == ("Not Found", None)
    tasks = [(task.name, task.assignees) for task in billet.tasks.list(order="asc")]
    assert tasks == [("z", (1,)), ("b", (1,))]


def test_lists_have_the_items_of_all_pages(billet: Client, transport: Faulty) -> None:
    for number in range(1, 6):
        billet.tasks.create(f"task {number}", expires_at=date(2031, 1, number))
        billet.users.create(f"user {number}")
    transport.sent.clear()
    tasks = billet.tasks.list(page_size=2, sort="expires_at", order="desc", status="PENDING")
    assert transport.sent == []
    assert [task.name for task in tasks] == [f"task {number}" for number in (5, 4, 3, 2, 1)]
    assert len(transport.sent) == 3
    assert [user.id for user in billet.users.list(page_size=2, order="asc")] == [1, 2, 3, 4, 5]
    assert list(billet.tasks.list(status="DONE")) == []


@BLOCKING_ONLY
def test_a_list_has_the_filters_of_the_api(billet: Client) -> None:
    begun = datetime.now(UTC).date()
    billet.users.create("ann")
    for number in range(1, 4):
        billet.tasks.create(f"task {number}", expires_at=date(2031, 1, number))
    billet.tasks.update(2, status="DONE")
    billet.tasks.assign(3, 1)

    def ids(**filters: Any) -> list[int]:
        return [task.id for task in billet.tasks.list(**filters)]

    assert ids(due_after=date(2031, 1, 2)) == [2, 3]
    assert ids(due_before="2031-01-02", order="desc") == [2, 1]
    assert ids(status=["PENDING", "IN_PROGRESS"], created_after=begun) == [3, 1]
    assert ids(created_before=begun - timedelta(days=1)) == []
    assert ids(user=1, status=("PENDING", "DONE"), due_after="2031-01-01") == [3]
    assert ids(unassigned=True, status="PENDING") == [1]
    assert [user.id for user in billet.users.list(username="ANN")] == [1]
    assert list(billet.users.list(username="nobody")) == []
    with pytest.raises(BadRequest) as raised:
        ids(status=[])
    assert raised.value.field == "status"


def test_health_says_which_release_it_is(billet: Client) -> None:
    health = billet.health()
    assert (health.status, health.commit) == ("ok", None)
    assert health.schema > 0


def test_a_condition_holds_for_one_version(billet: Client) -> None:
    billet.tasks.create("plan")
    billet.users.create("ann")
    with pytest.raises(NotModified):
        billet.tasks.get(1, if_none_match='"1"')
    task = billet.tasks.get(1)
    assert billet.tasks.update(1, status="DONE", if_match=task.etag).etag == '"2"'
    stale: list[Callable[[], object]] = [
        lambda: billet.tasks.update(1, name="x", if_match='"1"'),
        lambda: billet.tasks.replace(1, name="x", desc="", status="DONE", if_match='"1"'),
        lambda: billet.tasks.assign(1, 1, if_match='"1"'),
        lambda: billet.tasks.unassign(1, 1, if_match='"1"'),
        lambda: billet.tasks.delete(1, if_match='"1"'),
        lambda: billet.users.delete(1, if_match='"9"'),
        lambda: billet.users.rename(1, "x", if_match='"9"'),
    ]
    for change in stale:
        with pytest.raises(PreconditionFailed) as raised:
            change()
        assert (raised.value.status, raised.value.field) == (412, "if-match")
    assert billet.tasks.get(1, if_none_match='"1"').name == "plan"


@BLOCKING_ONLY
def test_a_problem_is_raised_as_the_exception_of_its_status(billet: Client) -> None:
    billet.users.create("ann")
    with pytest.raises(Conflict) as taken:
        billet.users.create("ANN")
    assert (taken.value.title, taken.value.field) == ("Conflict", "username")
    assert str(taken.value) == taken.value.detail
    assert taken.value.request_id
    with pytest.raises(BadRequest) as wrong:
        billet.tasks.create(" ")
    assert wrong.value.field == "name"
    with pytest.raises(BadRequest) as wrong:
        next(billet.tasks.list(page_size=5000))
    assert wrong.value.field == "page_size"
    with pytest.raises(NotFound) as missing:
        billet.tasks.update(7, name="x")
    assert (missing.value.field, missing.value.detail) == (None, "task 7 does not exist")


@BLOCKING_ONLY
def test_the_caller_may_choose_the_idempotency_key(billet: Client) -> None:
    first = billet.tasks.create("plan", idempotency_key='a "key" of mine')
    assert billet.tasks.create("plan", idempotency_key='a "key" of mine') == first
    with pytest.raises(KeyReused) as reused:
        billet.tasks.create("other", idempotency_key='a "key" of mine')
    assert reused.value.idempotency_key == 'a "key" of mine'
    assert len(list(billet.tasks.list())) == 1


@BLOCKING_ONLY
@pytest.mark.settings(auth="on")
def test_a_token_gives_the_rights_of_its_role(connect: ClientFactory, transport: Faulty) -> None:
    reader, _ = tokens.issue("eva", "reader", None)
    assert list(connect(token=reader).tasks.list()) == []
    with pytest.raises(Forbidden, match="requires the role editor"):
        connect(token=reader).tasks.create("plan")
    for token in ("blt_wrong", None):
        with pytest.raises(Unauthorized):
            next(connect(token=token).tasks.list())
    assert len(transport.sent) == 4


@BLOCKING_ONLY
@pytest.mark.settings(require_if_match="on")
def test_a_missing_condition_is_an_error_of_its_own(billet: Client) -> None:
    billet.tasks.create("plan")
    with pytest.raises(PreconditionRequired):
        billet.tasks.delete(1)
    assert billet.tasks.delete(1, if_match="*").detail == "task 1 deleted"


@BLOCKING_ONLY
@pytest.mark.usefixtures("same_window")
@pytest.mark.settings(rate_quota=1, rate_window_seconds=3600, rate_shared="off")
def test_a_quota_that_is_spent_for_longer_than_the_client_waits_is_an_error(
    billet: Client,
) -> None:
    billet.tasks.create("plan")
    with pytest.raises(TooManyRequests) as spent:
        billet.tasks.create("plan")
    assert spent.value.retry_after is not None
    assert spent.value.retry_after > 60
