"""The codec between entities and items, apart from what the contract tests show of it."""

import msgspec
import pytest

from chalicelib.dynamodb.codec import TASKS, Codec
from chalicelib.dynamodb.models import TaskModel


class Undecided(msgspec.Struct):
    """An entity whose field has no default, although items may lack it."""

    expires_at: str | None


def test_a_field_that_items_may_lack_needs_a_default() -> None:
    with pytest.raises(TypeError, match=r"^expires_at: may be missing in items"):
        Codec(Undecided, TaskModel)


ITEM = {
    "id": {"N": "7"},
    "name": {"S": "plan"},
    "desc": {"S": ""},
    "status": {"S": "DONE"},
    "created_at": {"S": "2026-01-31T12:00:00.000000Z"},
    "version": {"N": "3"},
}


def test_only_attributes_with_a_default_may_be_missing() -> None:
    task = TASKS.of_item(ITEM)
    assert (task.id, task.version, task.expires_at, task.assignees, task.lane) == (
        7,
        3,
        None,
        (),
        None,
    )
    for name in ITEM:
        rest = {one: value for one, value in ITEM.items() if one != name}
        with pytest.raises(msgspec.ValidationError, match=name):
            TASKS.of_item(rest)
