"""Sort keys have the order of the values they encode."""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.user import normalize_username
from chalicelib.dynamodb import client, clock, index_keys, shared_state
from tests.support.unicode import IOTAS

MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1))  # noqa: DTZ001
IDS = st.integers(1, 2**53 - 1)
DEADLINES = st.none() | st.dates(min_value=date(1000, 1, 1), max_value=date(9999, 12, 31))
CREATED = st.tuples(MOMENTS, IDS)
DUE = st.tuples(DEADLINES, IDS)
PLACES = st.tuples(MOMENTS, IDS).map(
    lambda made: index_keys.created_key(clock.stamp(made[0]), made[1])
)


@pytest.fixture(autouse=True, scope="module")
def known_schema() -> Iterator[None]:
    """Remember a contracted schema, so that no test reads it from a database."""
    with pytest.MonkeyPatch.context() as patch:
        memory = client.Memory(schema=(3, 3))
        patch.setattr(client.database, "memory", memory)
        clocks = shared_state.monotonic(), shared_state.wall()
        memory.shared_state = shared_state.SharedState(1, frozenset(), *clocks)
        yield


@given(CREATED, CREATED)
def test_recency_sorts_by_creation_then_id(
    one: tuple[datetime, int], other: tuple[datetime, int]
) -> None:
    first, second = (
        index_keys.created_key(clock.stamp(moment), ident) for moment, ident in (one, other)
    )
    assert (first < second) == (one < other)


@given(DUE, DUE)
def test_urgency_sorts_by_deadline_then_id_with_undated_tasks_last(
    one: tuple[date | None, int], other: tuple[date | None, int]
) -> None:
    def place(due: tuple[date | None, int]) -> str:
        return index_keys.due_key(due[0].isoformat() if due[0] else None, due[1])

    def rank(due: tuple[date | None, int]) -> tuple[bool, date, int]:
        return due[0] is None, due[0] or date.max, due[1]

    assert (place(one) < place(other)) == (rank(one) < rank(other))


@given(PLACES, PLACES, st.sampled_from(["DONE", "PENDING"]))
def test_a_key_range_has_exactly_the_keys_after_a_position(
    after: str, place: str, status: str
) -> None:
    for ascending in (True, False):
        first, last = index_keys.KeyRange().beyond(after, ascending).of_status("DONE")
        behind = place > after if ascending else place < after
        within = first <= index_keys.status_key(status, place) <= last
        assert within == (behind and status == "DONE")


@given(PLACES)
def test_a_key_range_without_a_position_has_the_whole_status(place: str) -> None:
    first, last = index_keys.KeyRange().beyond(None, True).of_status("DONE")
    assert first < index_keys.status_key("DONE", place) < last
    assert not first < index_keys.status_key("CANCELLED", place) < last


@given(st.text(min_size=1))
def test_the_normalized_name_is_the_same_for_every_case_of_a_name(name: str) -> None:
    normalized = normalize_username(name)
    assert normalize_username(normalized) == normalized
    assert normalize_username(unicodedata.normalize("NFD", name).casefold()) == normalized


def d146(text: str) -> str:
    """Return the form for compatibility caseless matching: Unicode 3.13, D146."""
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKD", once.casefold())


MARKS = [text for text in map(chr, range(0x300, 0x370)) if unicodedata.combining(text)]


def test_claims_are_equal_exactly_if_unicode_matches_the_names() -> None:
    letters = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    sequences = [iota + mark for iota in IOTAS for mark in MARKS]
    for text in letters + sequences:
        normalized = normalize_username(text)
        assert unicodedata.normalize("NFKD", normalized) == d146(text), ascii(text)
        assert unicodedata.normalize("NFKC", normalized) == normalized
        assert normalize_username(normalized) == normalized, ascii(text)


@pytest.mark.parametrize("iota", [text for text in IOTAS if len(text.casefold()) == 2])
def test_an_iota_subscript_with_a_further_mark_folds_after_the_mark(iota: str) -> None:
    letter = unicodedata.normalize("NFD", iota).replace("\u0345", "")
    forms = {iota + "\u0302", letter + "\u0345\u0302", letter + "\u0302\u0345"}
    assert {normalize_username(form) for form in forms} == {
        normalize_username(letter + "\u0302\u03b9")
    }


@pytest.mark.parametrize(("contracted", "day"), [(2, "9999-12-31"), (3, "9999-12-30~")])
def test_the_last_day_has_the_key_of_the_first_release_until_that_has_stopped(
    contracted: int, day: str
) -> None:
    client.database.memory.schema = (3, contracted)
    assert index_keys.due_key("9999-12-31", 7) == f"{day}#0000000000000007"
    assert index_keys.due_key(None, 7) == "9999-12-31#0000000000000007"


DAYS = st.dates(date(2030, 1, 1), date(2030, 1, 4)) | st.dates(date(9999, 12, 29))


@given(st.none() | DAYS, st.none() | DAYS, st.none() | DAYS, st.sampled_from([2, 3]))
def test_a_range_of_due_dates_has_exactly_their_keys(
    first: date | None, last: date | None, due: date | None, contracted: int
) -> None:
    client.database.memory.schema = (3, contracted)
    keys = index_keys.due_range(first, last)
    wanted = due is not None and (first or date.min) <= due <= (last or date.max)
    if due is None and contracted < 3 and last in (None, date.max):
        wanted = not keys.empty  # its key may be that of a task that is due on the last day
    assert (keys.first <= index_keys.due_key(str(due) if due else None, 7) <= keys.last) == wanted
    if due == date.max:  # an earlier release may have written the key
        assert (keys.first <= "9999-12-31#0000000000000007") or not wanted


@given(st.none() | DAYS, st.none() | DAYS, DAYS, st.booleans())
def test_a_range_of_days_of_creation_has_exactly_their_keys(
    first: date | None, last: date | None, day: date, late: bool
) -> None:
    keys = index_keys.created_range(first, last)
    time = "23:59:59.999999" if late else "00:00:00.000000"
    key = index_keys.created_key(f"{day}T{time}Z", 7)
    wanted = (first or date.min) <= day <= (last or date.max)
    assert (keys.first <= key and (not keys.last or key <= keys.last)) == wanted


@given(PLACES, PLACES, PLACES, PLACES, st.booleans())
def test_a_key_range_beyond_a_position_stays_in_the_range(
    first: str, last: str, after: str, place: str, ascending: bool
) -> None:
    keys = index_keys.KeyRange(first, last).beyond(after, ascending)
    wanted = first <= place <= last and (place > after if ascending else place < after)
    assert (keys.first <= place <= keys.last) == wanted
    assert not (wanted and keys.empty)
