"""Cursors survive encoding and decoding, and invalid cursors are rejected."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Invalid
from chalicelib.services import cursor as cursors
from chalicelib.services.pagination import Paging, Sort

PLACE = "2026-01-31T12:00:00.000000Z#0000000000000007"
PLACES = {"created_at": PLACE, "expires_at": "9999-12-30~#0000000000000007"}
PAGINGS = st.builds(
    Paging,
    sort=st.sampled_from(["created_at", "expires_at"]),
    order=st.sampled_from(["asc", "desc"]),
    statuses=st.sampled_from([(), ("DONE",), ("PENDING", "DONE")]),
    first_day=st.none() | st.dates(),
    last_day=st.none() | st.dates(),
    unassigned=st.booleans(),
)


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30~"])
def test_a_cursor_at_the_last_day_is_valid_in_both_formats(day: str) -> None:
    place = f"{day}#0000000000000007"
    cursor = cursors.encode("tasks", Paging(sort="expires_at"), place)
    assert cursors.decode(cursor, "tasks").after == place


@given(PAGINGS)
def test_a_cursor_encodes_order_filter_and_position(paging: Paging) -> None:
    word = cursors.encode("tasks", paging, PLACES[paging.sort])
    assert word.isascii()
    assert word.replace("-", "").replace("_", "").isalnum()
    place = PLACES[paging.sort]
    assert cursors.decode(word, "tasks") == msgspec.structs.replace(paging, after=place)


def test_a_cursor_without_ranges_is_that_of_earlier_releases() -> None:
    text = base64.urlsafe_b64encode(f'["tasks","created_at","desc","DONE","{PLACE}"]'.encode())
    earlier = text.decode().rstrip("=")
    paging = Paging(statuses=("DONE",))
    assert cursors.encode("tasks", paging, PLACE) == earlier
    assert cursors.decode(earlier, "tasks") == msgspec.structs.replace(paging, after=PLACE)


@given(st.text())
def test_an_invalid_cursor_is_rejected(word: str) -> None:
    with pytest.raises(Invalid, match=r"^cursor: must be a cursor from a Link header$"):
        cursors.decode(word, "tasks")


@pytest.mark.parametrize("added", ["!", "\n", " ", "+"])
def test_a_cursor_with_another_character_is_rejected(added: str) -> None:
    word = cursors.encode("tasks", Paging(), PLACE)
    for text in (word + added, added + word, word[:8] + added + word[8:]):
        with pytest.raises(Invalid, match="cursor"):
            cursors.decode(text, "tasks")


WRONG = ["", "#", "x" * 30, PLACE + "\n", PLACE[:-1], "é" * 20, "2026-01-31#" + "\u0667" * 16]


@pytest.mark.parametrize(
    ("sort", "other"), [("created_at", "expires_at"), ("expires_at", "created_at")]
)
def test_a_cursor_with_a_position_of_another_order_is_rejected(sort: Sort, other: Sort) -> None:
    for place in (*WRONG, PLACES[other]):
        with pytest.raises(Invalid, match="cursor"):
            cursors.decode(cursors.encode("tasks", Paging(sort=sort), place), "tasks")
