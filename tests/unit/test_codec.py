"""The codec between entities and items, apart from what the contract tests show of it."""

import msgspec
import pytest

from chalicelib.dynamodb.codec import Codec
from chalicelib.dynamodb.models import TaskModel


class Undecided(msgspec.Struct):
    """An entity whose field has no default, although items may lack it."""

    expires_at: str | None


def test_a_field_that_items_may_lack_needs_a_default() -> None:
    with pytest.raises(TypeError, match=r"^expires_at: may be missing in items"):
        Codec(Undecided, TaskModel)
