"""The history checkers accept valid histories and detect each kind of error."""

from typing import Any

import pytest

from tests.faults.jepsen.history import (
    Op,
    Outcome,
    check_assignments,
    check_creation_walks,
    check_puts,
    check_set,
    check_swaps,
    check_unique_ids,
    check_walks,
    excluding_periods,
)


def op(
    kind: str,
    at: tuple[float, float] = (0, 1),
    argument: Any = None,
    result: Any = None,
    outcome: Outcome = "ok",
) -> Op:
    return Op(kind, *at, outcome, argument, result)


CREATES = [
    op("create", argument="a", result=1),
    op("create", argument="b", outcome="unknown"),
    op("create", argument="c", outcome="fail"),
]


@pytest.mark.parametrize("found", [[(1, "a")], [(1, "a"), (2, "b")]])
def test_a_set_with_every_acknowledged_create_passes(found: list[tuple[int, str]]) -> None:
    assert check_set(CREATES, found) == []


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([], "(1, 'a') is lost"),
        ([(1, "a"), (2, "b"), (3, "b")], "b is there 2 times"),
        ([(1, "a"), (1, "b")], "id 1 was given 2 times"),
        ([(1, "a"), (2, "c")], "c was refused, and is there"),
        ([(1, "a"), (2, "d")], "d was refused, and is there"),
    ],
)
def test_a_lost_duplicated_or_invented_create_is_detected(
    found: list[tuple[int, str]], problem: str
) -> None:
    assert check_set(CREATES, found) == [problem]


@pytest.mark.parametrize(
    ("outcome", "found", "problems"),
    [
        ("ok", [], []),
        ("ok", [(1, "a")], ["(1, 'a') was deleted, and is there"]),
        ("unknown", [], []),
        ("unknown", [(1, "a")], []),
        ("fail", [(1, "a")], []),
        ("fail", [], ["(1, 'a') is lost"]),
    ],
)
def test_a_delete_that_did_not_happen_is_detected(
    outcome: Outcome, found: list[tuple[int, str]], problems: list[str]
) -> None:
    delete = op("delete", (2, 3), (1, "a"), outcome=outcome)
    assert check_set([*CREATES, delete], found) == problems


def test_an_id_that_was_given_again_after_a_delete_is_detected() -> None:
    deleted = op("delete", (2, 3), (1, "a"))
    assert check_unique_ids([*CREATES, deleted]) == []
    again = op("create", (4, 5), "d", 1)
    assert check_unique_ids([*CREATES, deleted, again]) == ["id 1 was given 2 times"]


PUTS = [
    op("put", (0, 1), (1, "a")),
    op("put", (2, 3), (1, "b")),
    op("put", (4, 5), (1, "c"), outcome="unknown"),
    op("put", (6, 7), (1, "d"), outcome="fail"),
]


@pytest.mark.parametrize("value", ["b", "c"])
def test_the_last_value_or_one_of_unknown_outcome_passes(value: str) -> None:
    assert check_puts(PUTS, {1: value}) == []


@pytest.mark.parametrize("value", ["a", "d"])
def test_a_lost_update_is_detected(value: str) -> None:
    assert check_puts(PUTS, {1: value}) == [f"1 is {value}, and should be one of ['b', 'c']"]


def test_operations_that_end_in_an_excluded_period_count_as_unknown() -> None:
    early, late = op("create", (0, 1), "a", 1), op("create", (1, 3), "b", 2)
    refused = op("create", (2, 3), "c", outcome="fail")
    unknown = op("create", (1, 3), "b", outcome="unknown")
    assert excluding_periods([early, late, refused], [(2, 4)]) == [early, unknown, refused]


def swap(rested: int, name: str, at: tuple[float, float] = (0, 1), outcome: Outcome = "ok") -> Op:
    return op("swap", at, (rested, name), rested + 1, outcome)


SWAPS = [
    swap(1, "a", (0, 3)),
    swap(1, "b", (1, 4), "fail"),
    swap(2, "c", (5, 6), "unknown"),
    swap(3, "d", (8, 9)),
]


def test_a_linearizable_history_of_swaps_passes() -> None:
    reads = [op("read", (0, 1), result=(1, "")), op("read", (7, 7.5), result=(3, "c"))]
    assert check_swaps([*SWAPS, *reads]) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ([swap(1, "e", (1, 2))], "2 won version 1"),
        ([op("swap", (10, 11), (4, "e"), 6), swap(5, "f", (10, 11))], "version 6 came of 4"),
        ([swap(5, "e", (10, 11))], "nobody made version 5"),
        ([op("read", (10, 11), result=(4, "x"))], "nobody wrote (4, 'x')"),
        (
            [swap(4, "e", (10, 12), "unknown"), swap(4, "f", (10, 12), "unknown")]
            + [op("read", (11, 12), result=(5, name)) for name in "ef"],
            "version 5 was seen with 2 names",
        ),
        ([op("read", (5, 6), result=(1, ""))], "version 1 was met after 2"),
        ([swap(4, "e", (10, 11), "fail")], "version 4 was refused, and nobody had changed it"),
    ],
)
def test_a_history_of_swaps_that_is_not_linearizable_is_detected(
    more: list[Op], problem: str
) -> None:
    assert check_swaps([*SWAPS, *more]) == [problem]


ASSIGNABLE_COUNT = [
    op("assign", (0, 1), (1, 1)),
    op("unassign", (2, 3), (1, 1), outcome="unknown"),
    op("assign", (0, 1), (1, 2), outcome="fail"),
]


@pytest.mark.parametrize("users", [[], [1]])
def test_consistent_assignments_pass(users: list[int]) -> None:
    assert check_assignments(ASSIGNABLE_COUNT, {1: users}, {user: [1] for user in users}) == []


@pytest.mark.parametrize(
    ("tasks", "lists", "problem"),
    [
        ({1: [1]}, {}, "(1, 1) is on one side only"),
        ({}, {1: [1]}, "(1, 1) is on one side only"),
        ({1: [2]}, {2: [1]}, "(1, 2) is there"),
        ({2: [1]}, {1: [2]}, "(2, 1) is there"),
    ],
)
def test_inconsistent_assignments_are_detected(
    tasks: dict[int, list[int]], lists: dict[int, list[int]], problem: str
) -> None:
    assert check_assignments(ASSIGNABLE_COUNT, tasks, lists) == [problem]


def test_a_lost_acknowledged_assignment_is_detected() -> None:
    assert check_assignments(ASSIGNABLE_COUNT[:1], {}, {}) == ["(1, 1) is not there"]


def test_a_walk_that_misses_or_repeats_a_task_is_detected() -> None:
    walks = [op("walk", result=[1, 9, 2, 9]), op("walk", result=[], outcome="unknown")]
    assert check_walks(walks, {1, 2}) == []
    assert check_walks([op("walk", result=[1, 1])], [1, 2]) == [
        "a walk saw 1 2 times",
        "a walk saw 2 0 times",
    ]


def test_a_walk_by_creation_returns_what_existed_throughout_it() -> None:
    creates = [op("create", (at, at + 1), result=ident) for ident, at in ((1, 0), (2, 2), (3, 9))]
    deletes = [op("delete", (11, 12), (1, "")), op("delete", (20, 21), (2, ""))]
    history = [*creates, *deletes]

    def problems(*ids: int) -> list[str]:
        return check_creation_walks([*history, op("walk", (10.5, 15), result=list(ids))])

    assert problems(1, 2, 3) == problems(2, 3) == []
    assert problems(1, 2) == ["a walk missed 3"]
    assert problems(3, 1, 2, 1) == ["a walk saw 1 2 times"]
