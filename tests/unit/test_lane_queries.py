"""Concurrent reads end with the request that started them."""

import time

import pytest

from chalicelib.dynamodb import lane_queries
from chalicelib.dynamodb.codec import QueryResult, StoredTask
from chalicelib.dynamodb.queries import Part


def test_a_failed_block_waits_for_the_concurrent_check() -> None:
    ended: list[bool] = []

    def check() -> None:
        time.sleep(0.05)
        ended.append(True)

    with pytest.raises(ValueError, match="broken"), lane_queries.alongside(check):
        raise ValueError("broken")
    assert ended == [True]


def test_a_failed_check_is_raised_after_the_block() -> None:
    ended: list[bool] = []

    def check() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), lane_queries.alongside(check):
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
