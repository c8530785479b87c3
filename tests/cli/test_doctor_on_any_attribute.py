"""`doctor` repairs or reports every attribute that is missing or has a wrong type or value.

The attributes are those of the models, so a new one is covered as soon as a model has it.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from billet.cli.doctor import doctor
from billet.integrity import lookup
from chalicelib.domain.task import TaskFields
from chalicelib.dynamodb import idempotency_store
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.models import SUFFIXES, CounterModel, QuotaModel, TaskModel, UserModel
from chalicelib.services import assignments, tasks, tokens, users
from chalicelib.services.pagination import Paging
from chalicelib.settings import Settings
from tests.support.bulk_data import add_tasks, add_users
from tests.support.table_contents import write_raw

pytestmark = pytest.mark.backend("fastest")

WRONG: list[dict[str, Any] | None] = [
    None,
    {"NULL": True},
    {"S": "nonsense"},
    {"S": ""},
    {"N": "-5"},
    {"N": "1.5"},
    {"B": b"x"},
    {"BOOL": False},
    {"SS": ["1"]},
    {"NS": ["-1"]},
]
COUNT = len(WRONG)
ATTRIBUTES = [
    (model, name)
    for model in SUFFIXES
    for name in sorted(lookup.attributes_of(model))
    if name not in lookup.key_names(model)
]
CASES = [
    pytest.param(model, name, id=f"{SUFFIXES[model]}-{name}")
    for model, name in ATTRIBUTES
    # Counters have their own test below; a quota lasts for one window.
    if model not in (CounterModel, QuotaModel)
]
Snapshot = dict[Any, list[Item]]


@pytest.fixture(scope="module")
def filled() -> dict[bool, Snapshot]:
    """Return the items of a small consistent data set, created once."""
    return {}


@pytest.fixture
def sample_tables(database: Settings, filled: dict[bool, Snapshot], model: Any) -> Snapshot:
    """Create a user, an assigned task, a token and a stored response for each wrong value.

    To break tasks, create as many tasks without an assignee, too.
    """
    alone = model is TaskModel
    if alone not in filled:
        fill(alone)
        filled[alone] = {model: items(model) for model in SUFFIXES}
    for table, contents in filled[alone].items():
        write_raw(table, [{"PutRequest": {"Item": item}} for item in contents])
    return filled[alone]


def fill(alone: bool) -> None:
    people, made = add_users(COUNT), add_tasks(COUNT, expires_at="2030-01-01")
    for task_id, user_id in zip(made, people, strict=True):
        assignments.assign(task_id, user_id)
    if alone:
        add_tasks(COUNT, expires_at="2030-01-01")
    for number in range(COUNT):
        tokens.issue(f"token{number}", "reader", None)
        idempotency_store.acquire(f"key{number}", "same")


def items(model: Any) -> list[Item]:
    found = [item for page in lookup.items(model) for item in page]
    return sorted(found, key=lambda item: str(lookup.identity(model, item)))


def write_corrupted(model: Any, item: Item, name: str, value: dict[str, Any] | None) -> Item | None:
    """Write the item with this value and return it; None if the database rejects it."""
    changed = {**item, name: value} if value else {k: v for k, v in item.items() if k != name}
    try:
        write_raw(model, [{"PutRequest": {"Item": changed}}])
    except ClientError:
        return None
    return changed


def run_doctor(*options: str) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(doctor, ["--json", *options])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def names(finding: dict[str, Any], model: Any, item: Item) -> bool:
    """Return whether the finding is about this item or the item that it belongs to."""
    values = {str(value) for value in lookup.identity(model, item)}
    ident = next(iter(item.get("id", item.get("user_id", {"S": "?"})).values()))
    words = {*map(str, finding["key"].values()), *finding["detail"].replace(":", " ").split()}
    return bool(values <= words or str(ident) in words)


def assert_readable(left: Sequence[dict[str, Any]]) -> None:
    """Assert that every item without a remaining finding is readable, alone and in every list."""
    odd = {kind: {one["key"].get("id") for one in left if one["table"] == kind} for kind in KINDS}
    people = [int(item["id"]["N"]) for item in items(UserModel)]
    made = [int(item["id"]["N"]) for item in items(TaskModel)]
    listed = {user.id for user in walk(users.page)}
    assert listed >= set(people) - odd["users"]
    for sort in ("created_at", "expires_at"):
        found = {task.id for task in walk(tasks.page, sort=sort)}
        assert found >= set(made) - odd["tasks"]
    walk(tasks.page, statuses=("PENDING",))
    for user_id in set(people) - odd["users"]:
        walk(functools.partial(assignments.page, user_id))


KINDS = ("users", "tasks")


def walk(page: Any, **paging: Any) -> Any:
    return page(Paging(page_size=4 * COUNT, **paging)).items


def one_value_each(items: Sequence[Item]) -> Iterator[tuple[Item, dict[str, Any] | None]]:
    """Yield each item with a wrong value; assigned tasks and the others get all values."""
    for assigned in (True, False):
        group = [item for item in items if ("assignees" in item) is assigned]
        yield from zip(group, WRONG, strict=True) if group else ()


@pytest.mark.parametrize(("model", "name"), CASES)
def test_every_corrupt_attribute_is_repaired_or_reported(
    sample_tables: Snapshot, model: Any, name: str
) -> None:
    pairs = [
        (changed, item)
        for item, value in one_value_each(sample_tables[model])
        if (changed := write_corrupted(model, item, name, value)) and changed != item
    ]
    _, found = run_doctor("--repair")
    status, left = run_doctor()
    assert status == bool(left)
    repaired = [str(finding) for finding in found if finding["outcome"] == "repaired"]
    assert len(repaired) == len(set(repaired))
    assert [finding for finding in found if finding["outcome"] == "failed"] == []
    assert [one for one in left if one["kind"] not in {two["kind"] for two in found}] == []
    current = items(model)
    for changed, item in pairs:
        reported = [finding for finding in found if names(finding, model, item)]
        if not reported:  # the value is valid
            assert not [finding for finding in left if names(finding, model, item)]
            assert changed in current
    assert_readable(left)


@pytest.mark.parametrize("model", [CounterModel])
@pytest.mark.parametrize(
    ("names", "attribute"),
    [
        (["tasks#0", "users#0"], "last"),
        (["tasks#0", "users#0"], "lanes"),
        (["lanes"], "lanes"),
        (["lanes"], "going"),
    ],
    ids=["last", "stride", "layout", "going"],
)
def test_a_corrupt_counter_never_causes_duplicate_ids(
    sample_tables: Snapshot, model: Any, names: list[str], attribute: str
) -> None:
    for value in WRONG[::2] if attribute == "going" else WRONG:
        for item in items(model):
            if item["name"]["S"] in names:
                write_corrupted(model, item, attribute, value)
        assert run_doctor("--repair")[0] == 0
        people, made = (len(items(model)) for model in (UserModel, TaskModel))
        assert users.create(f"new{people}").id > people
        assert (
            tasks.create(TaskFields(name="x", desc="", status="DONE", expires_at=None)).task.id
            > made
        )
    assert_readable([])
