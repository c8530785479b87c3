"""`doctor` reports and repairs tables that were corrupted by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.awsrequest import AWSPreparedRequest
from click.testing import CliRunner
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from billet.cli.doctor import doctor
from billet.integrity import findings, lookup
from billet.integrity.copies import check_copies
from billet.integrity.finding import KINDS, Finding, confirmed
from billet.integrity.tasks import check_tasks
from billet.integrity.usernames import check_reservations
from billet.integrity.users import check_users
from billet.metering import event_handler
from chalicelib.domain.task import TaskFields, TaskUpdate
from chalicelib.dynamodb import client, idempotency_store, queries
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.lanes import lane_count
from chalicelib.dynamodb.models import (
    AssignmentModel,
    CounterModel,
    IdempotencyModel,
    TaskModel,
    TokenModel,
    UserModel,
    UsernameModel,
)
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import assignments, tasks, tokens, users
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.support.bulk_data import add_tasks, add_users
from tests.support.injection import operation
from tests.support.table_contents import write_raw

pytestmark = pytest.mark.backend("fastest")

ANN, BOB, CAT = 1, 2, 3
SHARED, OWN, FREE = 1, 2, 3
FREE_KEY = {"id": {"N": "3"}}


@pytest.fixture
def sample_tables(database: Settings) -> Settings:
    """Ann and Bob share a task, Bob has another, the third is unassigned, and Cat has none."""
    fill()
    return database


def fill() -> None:
    for name in ("Ann", "Bob", "Cat"):
        users.create(name)
    for name in ("Shared", "Own", "Free"):
        tasks.create(TaskFields(name=name, desc="", status="PENDING", expires_at="2030-01-01"))
    for task_id, user_id in ((SHARED, ANN), (SHARED, BOB), (OWN, BOB)):
        assignments.assign(task_id, user_id)


def run_doctor(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(doctor, options)
    return result.exit_code, result.stdout


def copy_of(user_id: int, task_id: int) -> Any:
    [copy] = [
        one
        for one in AssignmentModel.scan(consistent_read=True)
        if (one.user_id, one.id) == (user_id, task_id)
    ]
    return copy


def set_directly(key: Model, *actions: Action) -> None:
    change = Transaction()
    change.update(key, actions)
    change.commit()


def set_raw(model: Any, key: Item, name: str, value: Any) -> None:
    item = lookup.get(model, key) or key
    write_raw(model, [{"PutRequest": {"Item": {**item, name: value}}}])


def delete_a_copy() -> None:
    copy_of(ANN, SHARED).delete()


def change_a_copy() -> None:
    set_directly(
        copy_of(ANN, SHARED), AssignmentModel.desc.set("old"), AssignmentModel.version.set(1)
    )


def misplace_a_copy() -> None:
    set_directly(copy_of(ANN, SHARED), AssignmentModel.due_key.set("2020-01-01#1"))


def add_a_copy_for_another_user() -> None:
    copy = copy_of(ANN, SHARED)
    AssignmentModel(**(copy.attribute_values | {"user_id": CAT})).save()


def add_a_copy_with_another_time() -> None:
    copy = copy_of(ANN, SHARED)
    created_key = "2020-01-01T00:00:00.000000Z#0000000000000001"
    AssignmentModel(**(copy.attribute_values | {"created_key": created_key})).save()


def add_a_copy_with_an_invalid_key() -> None:
    copy = copy_of(ANN, SHARED)
    AssignmentModel(**(copy.attribute_values | {"created_key": "nonsense"})).save()


def delete_a_task_item() -> None:
    TaskModel(OWN).delete()


def delete_a_user_item() -> None:
    UserModel(BOB).delete()
    UsernameModel("bob").delete()


def delete_a_reservation() -> None:
    UsernameModel("ann").delete()


def point_a_reservation_to_a_missing_user() -> None:
    UsernameModel("ann", user_id=99).save()


def point_a_reservation_to_another_user() -> None:
    UsernameModel("ann", user_id=BOB).save()


def add_an_orphan_reservation() -> None:
    UsernameModel("nobody", user_id=99).save()


def misplace_a_user() -> None:
    set_directly(UserModel(ANN), UserModel.created_key.set("2020"))


def put_a_user_into_lane_7() -> None:
    set_directly(UserModel(ANN), UserModel.lane.set(7))


def put_a_user_into_lane_63() -> None:
    set_directly(UserModel(ANN), UserModel.lane.set(63))


def remove_the_lane_of_a_user() -> None:
    set_directly(UserModel(ANN), UserModel.lane.remove())


def half_delete_a_user() -> None:
    half_delete(BOB)


def half_delete(user_id: int) -> None:
    set_directly(
        UserModel(user_id),
        UserModel.deleting.set(True),
        UserModel.lane.remove(),
        UserModel.created_key.remove(),
    )


def misplace_a_task() -> None:
    set_directly(TaskModel(FREE), TaskModel.due_key.set("2020"), TaskModel.created_key.set("2020"))


def put_a_task_into_lane_7() -> None:
    set_directly(TaskModel(SHARED), TaskModel.lane.set(7), TaskModel.status_lane.set("PENDING#7"))


def show_a_task_under_another_status() -> None:
    set_directly(TaskModel(SHARED), TaskModel.status_lane.set("DONE#0"))


def show_an_assigned_task_as_unassigned() -> None:
    set_directly(TaskModel(SHARED), TaskModel.unassigned_lane.set("PENDING#0"))


def hide_an_unassigned_task() -> None:
    set_directly(TaskModel(FREE), TaskModel.unassigned_lane.remove())


def lower_a_counter() -> None:
    CounterModel("tasks#0", last=1, lanes=1).save()


def delete_a_counter() -> None:
    CounterModel("users#0").delete()


def mix_lane_counts() -> None:
    CounterModel("tasks#1", last=5, lanes=2).save()


def corrupt_the_lane_count_of_a_counter() -> None:
    set_raw(CounterModel, {"name": {"S": "tasks#0"}}, "lanes", {"N": "63"})


def add_a_counter_of_lane_62() -> None:
    CounterModel("users#62", last=62, lanes=63).save()


def half_delete_a_user_with_a_stale_copy() -> None:
    change_a_copy()
    half_delete_a_user()
    half_delete(ANN)


def half_delete_a_user_with_an_orphan_copy() -> None:
    half_delete_a_user()
    delete_a_task_item()


def half_delete_a_user_without_a_copy() -> None:
    half_delete_a_user()
    copy_of(BOB, SHARED).delete()


def set_deleting_to_false() -> None:
    set_directly(UserModel(ANN), UserModel.deleting.set(False))


def remove_the_assignment_count() -> None:
    set_directly(UserModel(BOB), UserModel.assignment_count.remove())


def set_the_assignment_count_to_zero() -> None:
    set_directly(UserModel(BOB), UserModel.assignment_count.set(0))


def add_a_reservation_in_another_form() -> None:
    UsernameModel("ANN", user_id=ANN).save()


def add_too_many_missing_assignees() -> None:
    set_directly(TaskModel(SHARED), TaskModel.assignees.set({ANN, *range(100, 260)}))


def half_delete_a_user_with_many_missing_assignees() -> None:
    half_delete_a_user()
    add_too_many_missing_assignees()
    set_directly(TaskModel(SHARED), TaskModel.assignees.add({BOB}))


def raise_the_version_of_a_copy() -> None:
    set_directly(copy_of(ANN, SHARED), AssignmentModel.version.set(99))


def lower_a_version() -> None:
    set_directly(TaskModel(FREE), TaskModel.version.set(0))


def lower_the_version_of_a_user() -> None:
    set_directly(UserModel(ANN), UserModel.version.set(0))


def mark_wrong_users_as_deleting() -> None:
    set_raw(CounterModel, {"name": {"S": "lanes"}}, "going", {"NS": ["1", "99"]})


def raise_the_lane_count_of_counters() -> None:
    CounterModel("users#0", last=6, lanes=2).save()
    CounterModel("users#1", last=5, lanes=2).save()


def store_an_invalid_response() -> None:
    idempotency_store.acquire("a", "same")
    set_directly(IdempotencyModel("a"), IdempotencyModel.reply.set("{"))


CORRUPTIONS: dict[Callable[[], None], str] = {
    delete_a_copy: "user 1 has no copy of task 1",
    change_a_copy: "user 1's copy of task 1 differs: desc, version",
    misplace_a_copy: "user 1's copy of task 1 differs: urgency",
    add_a_copy_for_another_user: "user 3 has a copy of a task that is not assigned to them",
    add_a_copy_with_another_time: "user 1 has a copy of a task that is not assigned to them",
    add_a_copy_with_an_invalid_key: "user 1 has a copy of a task that is not assigned to them",
    delete_a_task_item: "user 2 has a copy of a task that is not assigned to them",
    delete_a_user_item: 'tasks {"id": 1}: has assignees that do not exist: 2',
    delete_a_reservation: """users {"id": 1}: has no reservation of the username 'Ann'""",
    point_a_reservation_to_a_missing_user: """users {"id": 1}: has the username 'Ann', but its""",
    point_a_reservation_to_another_user: """users {"id": 1}: has the username 'Ann', but its""",
    add_an_orphan_reservation: 'usernames {"name": "nobody"}: is a reservation of user 99',
    misplace_a_user: 'users {"id": 1}: has wrong index keys: recency',
    put_a_user_into_lane_7: 'users {"id": 1}: has wrong index keys: lane',
    remove_the_lane_of_a_user: 'users {"id": 1}: has wrong index keys: lane',
    half_delete_a_user: 'users {"id": 2}: is half deleted',
    lower_the_version_of_a_user: 'users {"id": 1}: version is 0',
    misplace_a_task: 'tasks {"id": 3}: has wrong index keys: recency, urgency',
    put_a_task_into_lane_7: 'tasks {"id": 1}: has wrong index keys: lane, status',
    show_a_task_under_another_status: 'tasks {"id": 1}: has wrong index keys: status',
    show_an_assigned_task_as_unassigned: 'tasks {"id": 1}: has wrong index keys: unassigned_lane',
    hide_an_unassigned_task: 'tasks {"id": 3}: has wrong index keys: unassigned_lane',
    half_delete_a_user_with_a_stale_copy: 'users {"id": 1}: is half deleted',
    half_delete_a_user_with_an_orphan_copy: 'users {"id": 2}: is half deleted',
    half_delete_a_user_without_a_copy: 'users {"id": 2}: is half deleted',
    set_deleting_to_false: 'users {"id": 1}: going is False',
    remove_the_assignment_count: 'users {"id": 2}: has tasks, but assigns does not count them',
    set_the_assignment_count_to_zero: 'users {"id": 2}: has tasks, but assigns does not count them',
    add_a_reservation_in_another_form: 'usernames {"name": "ANN"}: is a reservation of user 1',
    add_too_many_missing_assignees: 'tasks {"id": 1}: has assignees that do not exist: 1',
    half_delete_a_user_with_many_missing_assignees: "has assignees that do not exist: 1",
    raise_the_version_of_a_copy: "user 1's copy of task 1 differs: version",
    lower_a_version: 'tasks {"id": 3}: version is 0',
    mark_wrong_users_as_deleting: '{"name": "lanes"}: lists users as being deleted that are not',
    raise_the_lane_count_of_counters: '{"name": "lanes"}: has 1 lanes, but the id counters have 2',
    store_an_invalid_response: """replies {"key": "a"}: reply is '{'""",
    lower_a_counter: 'counters {"name": "tasks#0"}: is at 1, but id 3 is in use',
    delete_a_counter: "the id counters of users are inconsistent: ",
    mix_lane_counts: "the id counters of tasks are inconsistent: ",
    corrupt_the_lane_count_of_a_counter: "counters of tasks are inconsistent: tasks#0 at 3 of 63",
    add_a_counter_of_lane_62: "the id counters of users are inconsistent: ",
}


@pytest.mark.parametrize("lanes", [1, 4])
def test_doctor_finds_nothing_in_tables_written_by_the_api(bind: Any, lanes: int) -> None:
    bind(lanes)
    ann, bob = (users.create(name).id for name in ("Ann", "Bob"))
    task = tasks.create(
        TaskFields(name="x", desc="", status="PENDING", expires_at="2030-01-01")
    ).task.id
    for user_id in (ann, bob):
        assignments.assign(task, user_id)
    tasks.update(task, TaskUpdate(status="DONE", expires_at=None))
    users.delete(bob)
    assert run_doctor() == (0, "Nothing is broken\n")


@pytest.mark.usefixtures("sample_tables")
@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda corrupt: corrupt.__name__)
def test_doctor_reports_and_repairs_inconsistencies(corrupt: Callable[[], None]) -> None:
    corrupt()
    status, output = run_doctor("--repair")
    *found, again, end = output.splitlines()
    assert any(CORRUPTIONS[corrupt] in line for line in found)
    assert all(": repaired, " in line for line in found)
    assert (status, again, end) == (0, "Checking again", "Nothing is broken")


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize(
    "corrupt",
    [
        put_a_user_into_lane_63,
        corrupt_the_lane_count_of_a_counter,
        add_a_counter_of_lane_62,
    ],
)
def test_one_corrupt_counter_does_not_raise_the_number_of_lanes(
    bind: Any, lanes: int, corrupt: Callable[[], None]
) -> None:
    settings = bind(lanes)
    add_users(20)
    add_tasks(20)
    corrupt()
    client.bind(settings, client.database.connection)  # a server that starts now
    users.create("Dan")
    tasks.create(TaskFields(name="x"))
    run_doctor("--repair")
    assert run_doctor() == (0, "Nothing is broken\n")
    assert lane_count() == lanes
    assert [len(page(Paging()).items) for page in (users.page, tasks.page)] == [21, 21]
    assert {one.name for one in CounterModel.scan(consistent_read=True)} == {
        "lanes",
        *(f"{kind}#{lane}" for kind in ("users", "tasks") for lane in range(lanes)),
    }


@pytest.mark.usefixtures("sample_tables")
def test_without_repair_doctor_only_reports() -> None:
    point_a_reservation_to_another_user()
    status, output = run_doctor()
    assert status == 1
    assert [line.partition(":")[0] for line in output.splitlines()] == [
        'users {"id"',
        'usernames {"name"',
    ]
    assert run_doctor() == (status, output)


@pytest.mark.usefixtures("sample_tables")
def test_a_repair_keeps_the_values_of_the_tasks() -> None:
    add_a_copy_for_another_user()
    delete_a_copy()
    put_a_task_into_lane_7()
    shared = tasks.get(SHARED)
    assert shared
    before = msgspec.structs.replace(shared, lane=0)
    run_doctor("--repair")
    assert tasks.get(SHARED) == before
    assert [users_tasks(user_id) for user_id in (ANN, BOB, CAT)] == [[SHARED], [OWN, SHARED], []]
    assert [task.id for task in tasks.page(Paging()).items] == [FREE, OWN, SHARED]


@pytest.mark.usefixtures("sample_tables")
def test_a_task_that_loses_its_last_missing_assignee_is_listed_as_unassigned() -> None:
    set_directly(
        TaskModel(FREE), TaskModel.assignees.set({999}), TaskModel.unassigned_lane.remove()
    )
    status, output = run_doctor("--repair")
    assert (status, "wrong index keys" in output) == (0, False)
    unassigned = tasks.page(Paging(sort="expires_at", unassigned=True)).items
    assert [task.id for task in unassigned] == [FREE]


@pytest.mark.usefixtures("sample_tables")
def test_an_unreadable_token_is_reported_and_left() -> None:
    _, token = tokens.issue("ci", "reader", None)
    set_raw(TokenModel, {"digest": {"S": token.digest}}, "role", {"S": "king"})
    for options in ((), ("--repair",)):
        status, output = run_doctor(*options)
        assert (status, token.digest in output, "role is 'king'" in output) == (1, True, True)


@pytest.mark.usefixtures("sample_tables")
def test_too_many_assignees_are_reported_and_left() -> None:
    people = [user.id for user in map(users.create, (f"user{n}" for n in range(60)))]
    set_directly(TaskModel(FREE), TaskModel.assignees.set({*people, 999}))
    status, output = run_doctor("--repair")
    assert status == 1
    assert output.endswith(
        'Checking again\ntasks {"id": 3}: has 60 assignees; the maximum is 50'
        ": left, an operator has to decide\n"
    )
    free = tasks.get(FREE)
    assert free
    assert free.assignees == tuple(people)
    assert [users_tasks(user_id) for user_id in people] == [[FREE]] * 60


@pytest.mark.usefixtures("sample_tables")
def test_a_repair_keeps_unknown_attributes() -> None:
    change_a_copy()
    misplace_a_task()
    misplace_a_user()
    keys = [
        (AssignmentModel, lookup.key_of(AssignmentModel, items(AssignmentModel)[0])),
        (TaskModel, FREE_KEY),
        (UserModel, {"id": {"N": "1"}}),
    ]
    for model, key in keys:
        set_raw(model, key, "novel", {"S": "x"})
    assert run_doctor("--repair")[0] == 0
    found = [lookup.get(model, key) or {} for model, key in keys]
    assert [item["novel"] for item in found] == [{"S": "x"}] * 3


@pytest.mark.usefixtures("sample_tables")
def test_json_output_has_one_object_per_line_of_documented_kinds() -> None:
    add_an_orphan_reservation()
    delete_a_copy()
    result = CliRunner().invoke(doctor, ["--json", "--repair"])
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["kind"], one["table"], one["outcome"]) for one in found] == [
        ("orphan-reservation", "usernames", "repaired"),
        ("missing-copy", "assignments", "repaired"),
    ]
    assert found[0]["key"] == {"name": "nobody"}
    guide = Path("docs/doctor.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in guide] == []


@pytest.mark.usefixtures("sample_tables")
def test_a_repair_finishes_a_delete() -> None:
    half_delete_a_user()
    run_doctor("--repair")
    assert queries.user(BOB) is None
    assert [task.assignees for task in tasks.page(Paging()).items] == [(), (), (ANN,)]
    assert users.create("bob").id == 4


@pytest.mark.usefixtures("sample_tables")
def test_after_a_repair_of_counters_ids_stay_unique() -> None:
    delete_a_counter()
    lower_a_counter()
    run_doctor("--repair")
    assert users.create("Dan").id == 4
    assert tasks.create(TaskFields(name="x", desc="", status="DONE", expires_at=None)).task.id == 4


@pytest.mark.usefixtures("sample_tables")
def test_two_users_with_one_name_are_left_for_an_operator() -> None:
    set_directly(UserModel(CAT), UserModel.username.set("ANN"))
    status, output = run_doctor("--repair")
    finding = """users {"id": 3}: has the same username as user 1: 'ANN'"""
    line = f"{finding}: left, an operator has to decide\n"
    assert status == 1
    assert line in output
    assert output.endswith(f"Checking again\n{line}")


@pytest.mark.usefixtures("sample_tables")
def test_items_without_content_are_left_for_an_operator() -> None:
    set_directly(TaskModel(FREE), TaskModel.version.remove())
    set_directly(UserModel(CAT), UserModel.username.remove())
    UsernameModel("cat").delete()
    left = ": left, an operator has to decide\n"
    output = (
        f'users {{"id": 3}}: username is missing{left}tasks {{"id": 3}}: version is missing{left}'
    )
    status, all_output = run_doctor("--repair")
    assert status == 1
    assert all_output.endswith(f"Checking again\n{output}")
    assert [user.id for user in users.page(Paging()).items] == [BOB, ANN]
    assert [task.id for task in tasks.page(Paging()).items] == [OWN, SHARED]


@pytest.mark.usefixtures("database")
def test_attributes_of_a_newer_version_are_not_a_finding(endpoint: str) -> None:
    fill()
    table: Any = client.connect()
    for name, key in ((UserModel.Meta.table_name, ANN), (TaskModel.Meta.table_name, SHARED)):
        table.client.update_item(
            TableName=name,
            Key={"id": {"N": str(key)}},
            UpdateExpression="SET novel = :novel",
            ExpressionAttributeValues={":novel": {"S": "x"}},
        )
    assert run_doctor() == (0, "Nothing is broken\n")


@pytest.mark.usefixtures("sample_tables")
def test_a_concurrent_change_is_not_a_finding() -> None:
    stale = {model: items(model) for model in (UserModel, UsernameModel, TaskModel)}
    copies = items(AssignmentModel)
    users.delete(BOB)
    assignments.unassign(SHARED, ANN)
    assert not list(check_users(stale[UserModel]))
    assert not list(check_reservations(stale[UsernameModel]))
    assert not list(check_tasks(stale[TaskModel]))
    assert not list(check_copies(copies))


@pytest.mark.usefixtures("sample_tables")
def test_an_item_that_changes_during_the_check_is_checked_again() -> None:
    versions = []

    def judge(task: Item | None) -> list[Finding]:
        assert task
        versions.append(task["version"]["N"])
        if len(versions) == 1:
            tasks.update(FREE, TaskUpdate(desc="new"))
        return [Finding("invalid", TaskModel, task, versions[-1])]

    assert [finding.detail for finding in confirmed(TaskModel, FREE_KEY, judge)] == ["2"]
    assert versions == ["1", "2"]


@pytest.mark.usefixtures("sample_tables")
def test_an_item_that_keeps_changing_is_reported_and_the_check_continues() -> None:
    def judge(_: Item | None) -> list[Finding]:
        tasks.update(FREE, TaskUpdate(desc="new"))
        return [Finding("invalid", TaskModel, FREE_KEY, "broken")]

    assert [finding.kind for finding in confirmed(TaskModel, FREE_KEY, judge)] == ["unsettled"]


def assignment_count(user_id: int) -> int:
    user = queries.user(user_id)
    assert user
    return user.assignment_count


@pytest.mark.usefixtures("sample_tables")
def test_a_repaired_copy_counts_as_an_assignment() -> None:
    before = assignment_count(ANN)
    delete_a_copy()
    run_doctor("--repair")
    assert assignment_count(ANN) == before + 1


@pytest.mark.usefixtures("sample_tables")
@pytest.mark.parametrize(
    "corrupt",
    [
        delete_a_copy,
        change_a_copy,
        add_a_copy_for_another_user,
        misplace_a_task,
        delete_a_user_item,
    ],
)
def test_a_repair_of_a_task_that_has_changed_has_no_effect(corrupt: Callable[[], None]) -> None:
    corrupt()
    finding = next(findings())
    for task_id in (SHARED, OWN, FREE):
        set_directly(TaskModel(task_id), TaskModel.version.add(1))
    before = contents()
    assert finding.repairable
    with pytest.raises(client.ConditionFailed):
        finding.repair()
    assert contents() == before


@pytest.mark.usefixtures("sample_tables")
def test_an_item_that_changes_before_its_repair_is_repaired_in_the_next_check() -> None:
    misplace_a_task()
    overtakes = [lambda: tasks.update(FREE, TaskUpdate(desc="new"))]

    def overtake(request: AWSPreparedRequest, **_: Any) -> None:
        if operation(request) in {"TransactWriteItems", "UpdateItem"} and overtakes:
            overtakes.pop()()

    with event_handler(client.database.connection.client, "before-send.dynamodb", overtake):
        result = CliRunner().invoke(doctor, ["--json", "--repair"])
    outcomes = [json.loads(line)["outcome"] for line in result.stdout.splitlines()]
    assert (outcomes, result.exit_code) == (["failed", "repaired"], 0)
    kept = tasks.get(FREE)
    assert kept is not None
    assert (kept.desc, list(findings())) == ("new", [])


@pytest.mark.usefixtures("sample_tables")
@pytest.mark.parametrize(
    "corrupt", [delete_a_reservation, point_a_reservation_to_a_missing_user, misplace_a_user]
)
def test_a_repair_does_not_restore_a_deleted_user(corrupt: Callable[[], None]) -> None:
    corrupt()
    finding = next(findings())
    users.delete(ANN)
    assert finding.repairable
    with pytest.raises(client.ConditionFailed):
        finding.repair()
    assert queries.user(ANN) is None


@pytest.mark.usefixtures("database")
def test_a_large_table_is_read_completely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "PAGE", 2)
    fill()
    seen: list[int] = []
    assert not list(findings(seen.append))
    assert sum(seen) == 3 + 3 + 3 + 3


def users_tasks(user_id: int) -> list[int]:
    return [task.id for task in assignments.page(user_id, Paging()).items]


def items(model: Any) -> list[Item]:
    return [item for page in lookup.items(model) for item in page]


def contents() -> list[Any]:
    kinds = (UserModel, UsernameModel, TaskModel, AssignmentModel)
    return [item.attribute_values for kind in kinds for item in kind.scan(consistent_read=True)]
