"""Reads of several lanes: how many Queries an offset takes, and that they end with the request."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.domain.errors import Invalid
from chalicelib.dynamodb import lane_queries
from chalicelib.dynamodb.codec import Entry, QueryResult, StoredTask
from chalicelib.dynamodb.queries import TASKS_BY_DUE, Part
from chalicelib.services.pagination import Order, Paging, read_page

CUT = 3_000
"""The entries of 1 MB, where the simulated index ends a Query."""
OFFSET = 10_000
TOTAL = OFFSET + 500


class SimulatedIndex:
    """An index whose parts have these numbers as sort keys; counts the Queries."""

    def __init__(self, parts: Mapping[str, list[int]], cut: int) -> None:
        self.parts = {name: [f"{one:08d}" for one in keys] for name, keys in parts.items()}
        self.cut = cut
        self.queries = 0

    def query(
        self, index: Any, part: Part, *, keys: Any, ascending: bool, limit: int
    ) -> QueryResult[Any]:
        self.queries += 1
        found = [
            key
            for key in self.parts[part.hash_key]
            if keys.first <= key and (not keys.last or key <= keys.last)
        ]
        found.sort(reverse=not ascending)
        read = found[: min(limit, self.cut)]
        return QueryResult([Entry(key, key) for key in read], len(read) < len(found))


def spread(number: int, layout: str) -> dict[str, list[int]]:
    """Return the sort keys of all entries by part."""
    keys = range(TOTAL)
    parts: dict[str, list[int]] = {str(part): [] for part in range(number)}
    if layout == "one":
        parts["0"] = list(keys)
    elif layout == "one, and the last of each":
        parts["0"] = list(keys[:-number])
        for part in range(number):
            parts[str(part)].append(keys[part - number])
    elif layout == "half":
        for key in keys:
            parts[str(key % max(1, number // 2))].append(key)
        for part in range(number // 2, number):
            parts[str(part)] = list(range(TOTAL + part, TOTAL + 100_000, number))
    elif layout == "one after another":
        for key in keys:
            parts[str(key * number // TOTAL)].append(key)
    else:
        for key in keys:
            parts[str(key % number)].append(key)
    return parts


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("number", "layout", "most"),
    [
        (1, "even", 4),
        (4, "even", 8),
        (16, "even", 32),
        (64, "even", 128),
        (16, "one", 16 + 4),
        (64, "one", 64 + 4),
        (16, "one, and the last of each", 16 + 16 + 4),
        (16, "half", 16 + 3 * 8),
        (16, "one after another", 3 * 16),
        (64, "one after another", 3 * 64),
    ],
)
def test_an_offset_takes_no_query_of_a_part_that_has_ended_or_is_ahead(
    monkeypatch: pytest.MonkeyPatch, number: int, layout: str, most: int, order: Order
) -> None:
    parts = spread(number, layout)
    wanted = sorted(f"{key:08d}" for keys in parts.values() for key in keys)
    if order == "desc":
        wanted.reverse()
    index = SimulatedIndex(parts, CUT)
    monkeypatch.setattr(lane_queries, "query", index.query)
    paging = Paging(offset=OFFSET, order=order, sort="expires_at")
    page = read_page(TASKS_BY_DUE, list(map(Part, parts)), paging)
    assert list(page.sort_keys) == wanted[OFFSET : OFFSET + 100]
    assert page.next == page.sort_keys[-1]
    assert index.queries <= most


def test_an_offset_takes_a_bounded_number_of_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, most in ((1, 20), (4, 80), (16, 96), (64, 320)):
        index = SimulatedIndex(spread(number, "even"), cut=1)
        monkeypatch.setattr(lane_queries, "query", index.query)
        with pytest.raises(Invalid, match=r"^offset: is too large for this list"):
            read_page(TASKS_BY_DUE, [Part(str(one)) for one in range(number)], Paging(offset=2000))
        assert index.queries <= most


def test_a_failed_block_waits_for_the_concurrent_check() -> None:
    ended: list[bool] = []

    def check() -> None:
        time.sleep(0.05)
        ended.append(True)

    with pytest.raises(ValueError, match="broken"), lane_queries.concurrent_check(check):
        raise ValueError("broken")
    assert ended == [True]


def test_a_failed_check_is_raised_after_the_block() -> None:
    ended: list[bool] = []

    def check() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), lane_queries.concurrent_check(check):
        ended.append(True)
    assert ended == [True]


def test_a_failed_lane_waits_for_the_other_lanes() -> None:
    ended: list[str] = []

    def read(lane: Part) -> QueryResult[StoredTask]:
        if lane.hash_key == "0":
            raise ValueError("broken")
        time.sleep(0.05)
        ended.append(lane.hash_key)
        return QueryResult([], more=False)

    with pytest.raises(ValueError, match="broken"):
        lane_queries._concurrently(read, [Part("0"), Part("1"), Part("2")])
    assert sorted(ended) == ["1", "2"]
