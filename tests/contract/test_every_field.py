"""Every write, read and repair keeps every field of a task. New fields are covered automatically.

The values are derived from the types of the request schema and differ from the defaults.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec import inspect

from billet.cli.doctor import doctor
from billet.integrity import lookup, wire
from billet.integrity.tasks import ADDED, ADDED_BY
from chalicelib.domain.task import Task, TaskFields, TaskUpdate
from chalicelib.dynamodb.codec import ASSIGNMENTS, CODECS, TASKS, Field
from chalicelib.dynamodb.index_keys import INDEX_KEYS
from chalicelib.dynamodb.models import SUFFIXES, AssignmentModel, TaskModel, UserModel
from chalicelib.http.fields import OUTPUT_ONLY
from chalicelib.http.schemas import NewTask, TaskBody, TaskPatch, WholeTask
from chalicelib.settings import Settings
from tests.conftest import Api
from tests.support.bulk_data import add_users
from tests.support.table_contents import write_raw
from tests.support.tables import set_contracted

Values = dict[str, Any]

pytestmark = pytest.mark.backend("fastest")

INTERNAL = {"version", "hidden_assignees"}
"""The fields of a task that are in no response."""


def value(field: inspect.Field, number: int) -> Any:
    """Return a value of the field's type other than its default, different for each number."""
    kind = field.type
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.LiteralType):
        others = [one for one in kind.values if one != field.default]
        return others[number % len(others)]
    if isinstance(kind, inspect.DateType):
        return f"2031-01-{number + 1:02d}"
    if isinstance(kind, inspect.BoolType):
        return not field.default
    if isinstance(kind, inspect.IntType):
        return number + 1
    assert isinstance(kind, inspect.StrType), f"{field.name}: give {kind} a value here"
    return f"{field.name} {number}"


def values(number: int) -> Values:
    info = inspect.type_info(NewTask)
    assert isinstance(info, inspect.StructType)
    return {one.name: value(one, number) for one in info.fields if one.name != "assignees"}


FIRST, SECOND = values(0), values(1)
FIELDS = sorted(FIRST)
DEFAULTS = {
    one.name: one.default
    for one in msgspec.structs.fields(TaskFields)
    if one.default is not msgspec.NODEFAULT and one.name != "assignees"
}


@pytest.fixture
def lanes() -> int:
    return 2


@pytest.fixture
def people(api: Api) -> list[int]:
    return add_users(2)


def test_a_field_is_in_each_definition() -> None:
    fields = set(TaskFields.__struct_fields__)
    assert set(TaskUpdate.__struct_fields__) == fields
    assert set(NewTask.__struct_fields__) == fields == {*FIELDS, "assignees"}
    assert set(WholeTask.__struct_fields__) - set(OUTPUT_ONLY) == fields
    assert set(TaskPatch.__struct_fields__) - set(OUTPUT_ONLY) == fields
    assert set(TaskBody.__struct_fields__) - {"etag"} == set(Task.__struct_fields__) - INTERNAL
    for model, codec in CODECS.items():
        stored = {one.name for one in codec.fields} | INDEX_KEYS[model].keys()
        assert stored | {"lane", "user_id", "expires"} >= set(model.get_attributes()), SUFFIXES[
            model
        ]


def test_the_values_differ_from_each_other_and_from_the_defaults() -> None:
    assert [name for name in FIELDS if FIRST[name] == DEFAULTS.get(name)] == []
    assert [name for name in FIELDS if FIRST[name] == SECOND[name]] == []


def create(api: Api, people: list[int], fields: Values = FIRST) -> int:
    """Create a task with these fields and assign it."""
    ident: int = api("POST", "/v1/tasks", fields).json_body["payload"]["id"]
    for user_id in people:
        assert api("PUT", f"/v1/tasks/{ident}/assign/user/{user_id}").status_code == 200
    return ident


def assert_in_every_response(
    api: Api, ident: int, people: list[int], wanted: Mapping[str, Any]
) -> None:
    """Assert that the task has these fields in every response."""
    body = api("GET", f"/v1/tasks/{ident}").json_body
    assert {name: body[name] for name in FIELDS} == wanted
    assert body["assignees"] == sorted(people)
    for path in ("/v1/tasks", *(f"/v1/users/{user_id}/tasks" for user_id in people)):
        for sort in ("created_at", "expires_at"):
            for form in (f"?sort={sort}", f"?sort={sort}&status={wanted['status']}"):
                assert api("GET", path + form).json_body == [body], path + form
    assert run_doctor() == (0, "Nothing is broken\n")


def run_doctor(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(doctor, options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with an idempotency key"])
@pytest.mark.parametrize("assigned", [False, True], ids=["unassigned", "assigned"])
def test_every_field_survives_every_request(
    api: Api, people: list[int], assigned: bool, keyed: bool
) -> None:
    people = people if assigned else []
    ident = create(api, people)
    path = f"/v1/tasks/{ident}"

    def send(method: str, fields: Values) -> None:
        header = {"Idempotency_Key": f"{method}-{'-'.join(fields)}"} if keyed else {}
        response = api(method, path, fields, **header)
        assert response.status_code == 200, response.body
        assert response.json_body["payload"] == api("GET", path).json_body
        assert not keyed or api(method, path, fields, **header).body == response.body

    assert_in_every_response(api, ident, people, FIRST)
    send("PUT", SECOND)
    assert_in_every_response(api, ident, people, SECOND)
    wanted = dict(SECOND)
    for name in FIELDS:
        send("PATCH", {name: FIRST[name]})
        wanted[name] = FIRST[name]
        assert_in_every_response(api, ident, people, wanted)
    required = {one: SECOND[one] for one in ("name", "desc", "status")}
    send("PUT", required)
    assert_in_every_response(api, ident, people, DEFAULTS | required)


def test_every_field_survives_writes_to_other_fields(api: Api, people: list[int]) -> None:
    ident = create(api, people)
    [ann, bob] = people
    assert api("PUT", f"/v1/tasks/{ident}/unassign/user/{ann}").status_code == 200
    assert_in_every_response(api, ident, [bob], FIRST)
    assert api("PUT", f"/v1/tasks/{ident}/assign/user/{ann}").status_code == 200
    assert api("DELETE", f"/v1/users/{bob}").status_code == 200
    assert_in_every_response(api, ident, [ann], FIRST)
    assert api("DELETE", f"/v1/tasks/{ident}").status_code == 200
    assert api("GET", f"/v1/users/{ann}/tasks").json_body == []
    assert list(lookup.items(AssignmentModel)) == [[]]


def items(model: Any) -> list[Any]:
    return [item for page in lookup.items(model) for item in page]


def write(model: Any, item: Any) -> None:
    write_raw(model, [{"PutRequest": {"Item": item}}])


def test_every_field_survives_the_repair_of_missing_assignees(
    api: Api, people: list[int], database: Settings
) -> None:
    [ann, bob] = people
    ident = create(api, people)
    UserModel(bob).delete()
    status, output = run_doctor("--repair")
    assert (status, "has assignees that do not exist" in output) == (0, True)
    assert_in_every_response(api, ident, [ann], FIRST)


def test_every_field_survives_the_repair_of_copies(api: Api, people: list[int]) -> None:
    ident = create(api, people)
    lost, *_ = items(AssignmentModel)
    AssignmentModel(int(lost["user_id"]["N"]), lost["recency"]["S"]).delete()
    assert run_doctor("--repair")[0] == 0
    assert_in_every_response(api, ident, people, FIRST)
    repaired = items(AssignmentModel)
    for field in ASSIGNMENTS.fields:
        if field.name == "id":
            continue
        for wrong in (None, another(field), {"B": b"x"}):
            copy = {**repaired[0], field.stored_name: wrong}
            write(AssignmentModel, {name: one for name, one in copy.items() if one})
            status, output = run_doctor("--repair")
            assert (status, f"differs: {field.stored_name}" in output) == (0, True), output
            assert items(AssignmentModel) == repaired


def test_a_copy_of_the_previous_release_may_lack_what_it_does_not_know_until_contract(
    api: Api, people: list[int]
) -> None:
    ident = create(api, people)
    copy, *_ = items(AssignmentModel)
    assert copy.keys() >= ADDED
    write(AssignmentModel, without(copy, ADDED))
    set_contracted(ADDED_BY - 1)
    assert run_doctor() == (0, "Nothing is broken\n")
    set_contracted(ADDED_BY)
    assert f"copy of task {ident} differs: updated_at" in run_doctor()[1]
    assert api("PATCH", f"/v1/tasks/{ident}", {"desc": "new"}).status_code == 200
    assert [one.keys() >= ADDED for one in items(AssignmentModel)] == [True] * 2


def test_every_field_survives_the_repair_of_an_unreadable_attribute(
    api: Api, people: list[int]
) -> None:
    ident = create(api, people)
    for name in FIELDS:
        stored = getattr(TaskModel, name).attr_name
        write(TaskModel, {**items(TaskModel)[0], stored: {"B": b"x"}})
        assert run_doctor("--repair")[0] == 0
        assert_in_every_response(api, ident, people, FIRST)


def test_a_repair_without_evidence_keeps_the_attribute(api: Api) -> None:
    ident = create(api, [])
    whole = items(TaskModel)[0]
    evident = {one for key in INDEX_KEYS[TaskModel].values() for one in key.inputs}
    for name in sorted(set(FIELDS) - evident):
        stored = getattr(TaskModel, name).attr_name
        broken = {**whole, stored: {"B": b"x"}}
        write(TaskModel, broken)
        status, told = run_doctor("--repair")
        assert (status, f"{stored} is binary" in told) == (1, True)
        assert wire.are_equal(items(TaskModel)[0][stored], broken[stored])
    write(TaskModel, whole)
    assert run_doctor()[0] == 0
    assert_in_every_response(api, ident, [], FIRST)


def test_items_from_a_release_without_the_field_have_its_default(
    api: Api, people: list[int]
) -> None:
    inputs = {one for keys in INDEX_KEYS.values() for key in keys.values() for one in key.inputs}
    added = [one for one in TASKS.fields if one.attribute.null and one.name in set(FIELDS) - inputs]
    ident = create(api, people)
    task, copies = items(TaskModel)[0], items(AssignmentModel)
    old = {one.stored_name for one in added}
    wanted = FIRST | {one.name: one.default for one in added}
    write(TaskModel, without(task, old))
    for copy in copies:
        write(AssignmentModel, without(copy, old))
    assert_in_every_response(api, ident, people, wanted)
    for one in added:  # another release may write the default
        default = {one.attribute.attr_type: one.attribute.serialize(one.default)}
        write(AssignmentModel, {**without(copies[0], old), one.stored_name: default})
        assert_in_every_response(api, ident, people, wanted)


def without(item: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: one for name, one in item.items() if name not in names}


def another(field: Field) -> Any:
    """Return a value of the right type that no task in these tests has."""
    contents = {"S": "2029-01-01", "N": "77", "NS": ["77"], "BOOL": True}
    return {field.attribute.attr_type: contents[field.attribute.attr_type]}
