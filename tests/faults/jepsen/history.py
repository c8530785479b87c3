"""Histories of operations, and checks that they are consistent. Pure functions.

After Jepsen: https://github.com/jepsen-io/jepsen. Each checker returns descriptions of the errors.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]
"""Done; not done and never will be; unknown to the client."""
FIRST_VERSION = 1


@dataclass(frozen=True)
class Op:
    """One operation of one client, from `start` to `end` in seconds of a shared clock.

    create   argument: the name; result: the id
    delete   argument: the id and the name
    put      argument: an id and its new value; only one client writes it
    read     result: version and name
    swap     argument: the expected version and the new name; result: the new version
    assign, unassign   argument: task and user
    walk     result: the ids on all pages, in order
    """

    kind: str
    start: float
    end: float
    outcome: Outcome
    argument: Any = None
    result: Any = None


def of(history: Iterable[Op], *kinds: str, outcome: Outcome | None = None) -> list[Op]:
    """Return the operations of these kinds."""
    wanted = (op for op in history if op.kind in kinds)
    return [op for op in wanted if outcome in (None, op.outcome)]


def excluding_periods(history: Sequence[Op], moments: Sequence[tuple[float, float]]) -> list[Op]:
    """Return the history; operations that end in one of these periods become unknown."""
    return [
        replace(op, outcome="unknown", result=None)
        if op.outcome == "ok" and any(begin <= op.end <= end for begin, end in moments)
        else op
        for op in history
    ]


def check_set(history: Sequence[Op], found: Sequence[tuple[int, str]]) -> list[str]:
    """Check that each acknowledged create is found once, and no failed create is found.

    What was deleted is not found; what may have been deleted may be found.
    """
    creates, deletes = of(history, "create"), of(history, "delete")
    may_be_deleted = {op.argument for op in deletes if op.outcome != "fail"}
    deleted = {op.argument for op in deletes if op.outcome == "ok"}
    acknowledged = {(op.result, op.argument) for op in creates if op.outcome == "ok"}
    may_be = {op.argument for op in creates if op.outcome != "fail"}
    names, ids = Counter(name for _, name in found), Counter(ident for ident, _ in found)
    return [
        *(f"{one} is lost" for one in acknowledged - may_be_deleted - set(found)),
        *(f"{one} was deleted, and is there" for one in deleted & set(found)),
        *(f"{name} is there {times} times" for name, times in names.items() if times > 1),
        *(f"id {ident} was given {times} times" for ident, times in ids.items() if times > 1),
        *(f"{name} was refused, and is there" for name in names.keys() - may_be),
    ]


def check_unique_ids(history: Sequence[Op]) -> list[str]:
    """Check that no two creates, also of what was deleted since, were given the same id."""
    given = Counter(op.result for op in of(history, "create", outcome="ok"))
    return [f"id {ident} was given {times} times" for ident, times in given.items() if times > 1]


def check_puts(history: Sequence[Op], found: Mapping[int, Any]) -> list[str]:
    """Check that each id has the value that was written last, or one whose outcome is unknown."""
    possible: dict[int, list[Any]] = {}
    for op in sorted(of(history, "put"), key=lambda op: op.start):
        ident, value = op.argument
        if op.outcome == "ok":
            possible[ident] = [value]
        elif op.outcome == "unknown":
            possible.setdefault(ident, [None]).append(value)
    return [
        f"{ident} is {found.get(ident)}, and should be one of {values}"
        for ident, values in possible.items()
        if found.get(ident) not in values
    ]


def check_swaps(history: Sequence[Op]) -> list[str]:
    """Check that updates are linearizable.

    One update per version succeeds, versions have no gaps, no read returns an older version than
    one known before, and each rejected update was based on a changed version.
    """
    swaps, reads = of(history, "swap"), of(history, "read", outcome="ok")
    won = [op for op in swaps if op.outcome == "ok"]
    may_have = [op for op in swaps if op.outcome != "fail"]
    wins = Counter(op.argument[0] for op in won)
    names = {(op.argument[0] + 1, op.argument[1]) for op in may_have}
    highest = max([op.result[0] for op in reads] + [op.result for op in won], default=FIRST_VERSION)
    made = {version for version, _ in names} | {FIRST_VERSION}
    seen = {op.result for op in reads if op.result[0] > FIRST_VERSION}
    return [
        *(f"{times} won version {rested}" for rested, times in wins.items() if times > 1),
        *(
            f"version {op.result} came of {op.argument[0]}"
            for op in won
            if op.result != op.argument[0] + 1
        ),
        *(f"nobody made version {gap}" for gap in set(range(1, highest + 1)) - made),
        *(f"nobody wrote {one}" for one in seen - names),
        *_conflicting_names(seen),
        *_stale_reads(won, reads),
        *_unjustified_conflicts(swaps, may_have),
    ]


def _conflicting_names(seen: Collection[tuple[int, str]]) -> Iterable[str]:
    versions = Counter(version for version, _ in seen)
    return (f"version {one} was seen with {n} names" for one, n in versions.items() if n > 1)


def _stale_reads(won: Sequence[Op], reads: Sequence[Op]) -> Iterable[str]:
    """Check real time: an operation that starts after a version is known sees no older one."""
    known = [(op.end, op.result) for op in won] + [(op.end, op.result[0]) for op in reads]
    met = [(op.start, op.argument[0]) for op in won] + [(op.start, op.result[0]) for op in reads]
    for start, version in met:
        newest = max((one for end, one in known if end < start), default=version)
        if version < newest:
            yield f"version {version} was met after {newest}"


def _unjustified_conflicts(swaps: Sequence[Op], may_have: Sequence[Op]) -> Iterable[str]:
    for op in swaps:
        rivals = (
            one for one in may_have if one.argument[0] == op.argument[0] and one.start < op.end
        )
        if op.outcome == "fail" and not any(rivals):
            yield f"version {op.argument[0]} was refused, and nobody had changed it"


def check_assignments(
    history: Sequence[Op],
    tasks: Mapping[int, Collection[int]],
    lists: Mapping[int, Collection[int]],
) -> list[str]:
    """Check that both sides agree with each other and with the last operation on each pair.

    Args:
        tasks: the assignees of each task.
        lists: the tasks of each user.
    """
    there = {(task, user) for task, users in tasks.items() for user in users}
    mirrored = {(task, user) for user, theirs in lists.items() for task in theirs}
    ops = of(history, "assign", "unassign")
    return [
        *(f"{pair} is on one side only" for pair in there ^ mirrored),
        *(
            f"{pair} is {'there' if pair in there else 'not there'}"
            for pair in {op.argument for op in ops} | there
            if (pair in there) not in _possible_states([op for op in ops if op.argument == pair])
        ),
    ]


def _possible_states(ops: Sequence[Op]) -> set[bool]:
    states = {False}
    for op in sorted(ops, key=lambda op: op.start):
        then = {op.kind == "assign"}
        states = {"ok": then, "unknown": states | then, "fail": states}[op.outcome]
    return states


def check_walks(history: Sequence[Op], unchanged: Collection[int]) -> list[str]:
    """Check that each walk over all pages returns each unchanged task exactly once."""
    problems = []
    for op in of(history, "walk", outcome="ok"):
        seen = Counter(op.result)
        problems += [f"a walk saw {one} {seen[one]} times" for one in unchanged if seen[one] != 1]
    return problems


def check_creation_walks(history: Sequence[Op]) -> list[str]:
    """Check that each walk returns what existed throughout it once, and nothing more than once."""
    created = {op.result: op.end for op in of(history, "create", outcome="ok")}
    deleted = {op.argument[0]: op.start for op in of(history, "delete")}
    problems = []
    for walk in of(history, "walk", outcome="ok"):
        seen = Counter(walk.result)
        throughout = {
            ident
            for ident, since in created.items()
            if since < walk.start and deleted.get(ident, walk.end) >= walk.end
        }
        problems += [f"a walk saw {one} {times} times" for one, times in seen.items() if times > 1]
        problems += [f"a walk missed {one}" for one in throughout - seen.keys()]
    return problems
