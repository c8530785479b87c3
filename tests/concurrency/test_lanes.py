"""Servers with different LANES share the tables while LANES are raised and lowered."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pynamodb.connection import Connection

from billet.integrity import findings
from chalicelib.dynamodb import client, counters, lanes, shared_state, stored_counters
from chalicelib.dynamodb.models import CounterModel, TaskModel
from chalicelib.dynamodb.transaction import Transaction
from chalicelib.services import pagination, tasks, users
from chalicelib.settings import Settings
from tests.conftest import Bind
from tests.support.bulk_data import add_tasks
from tests.support.injection import inject_fault

pytestmark = pytest.mark.backend("dynamodb-local")

ROOT = Path(__file__).parents[2]
FRESH, WAIT, COUNT = 0.1, 0.4, "24"
ROUNDS = [(1, 8), (2, 16, 1)]
"""The LANES of servers that run concurrently, group by group."""


class AcknowledgedWrites:
    """The writes that the servers have acknowledged so far, by kind."""

    def __init__(self) -> None:
        self.all: dict[str, list[Any]] = {"tasks": [], "users": [], "DONE": [], "refused": []}

    def read(self, lines: Iterator[str]) -> None:
        for line in lines:
            kind, what = json.loads(line)
            self.all[kind].append(what)

    def known(self, kind: str) -> set[int]:
        return set(self.all[kind][:])


@contextmanager
def server(
    prefix: str, number: int, name: str, acknowledged: AcknowledgedWrites
) -> Iterator[threading.Thread]:
    """Run a process that writes, and a thread that reads its output until it ends."""
    command = [
        sys.executable,
        "-m",
        "tests.concurrency.writer",
        prefix,
        str(number),
        name,
        str(COUNT),
    ]
    with subprocess.Popen(
        [*command, str(WAIT), str(FRESH)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        reader = threading.Thread(target=acknowledged.read, args=(process.stdout,))
        reader.start()
        yield reader
        reader.join()
    assert process.returncode == 0


WALKS: list[tuple[str, Callable[..., Any], pagination.Paging]] = [
    ("tasks", tasks.page, pagination.Paging(page_size=30)),
    ("tasks", tasks.page, pagination.Paging(page_size=30, order="asc")),
    ("DONE", tasks.page, pagination.Paging(page_size=30, statuses=("DONE",))),
    ("users", users.page, pagination.Paging(page_size=30)),
]


def walked(page: Callable[..., Any], paging: pagination.Paging) -> list[int]:
    found: list[int] = []
    while True:
        part = page(paging)
        found += [record.id for record in part.items]
        if part.next is None:
            return found
        paging = msgspec.structs.replace(paging, after=part.next)


def assert_complete(acknowledged: AcknowledgedWrites) -> None:
    """Assert that each list has every write acknowledged before the walk began, exactly once."""
    for kind, page, paging in WALKS:
        known = acknowledged.known(kind)
        found = walked(page, paging)
        assert len(set(found)) == len(found), (kind, paging)
        assert known - set(found) == set(), (kind, paging)


def test_every_list_is_complete_while_servers_with_different_lanes_write(
    bind: Bind, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_state, "FRESH_SECONDS", FRESH)
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    prefix = bind().prefix
    acknowledged = AcknowledgedWrites()
    for turn, group in enumerate(ROUNDS):
        with ExitStack() as stack:
            names = [f"{turn}-{place}" for place in range(len(group))]
            readers = [
                stack.enter_context(server(prefix, number, name, acknowledged))
                for number, name in zip(group, names, strict=True)
            ]
            while any(reader.is_alive() for reader in readers):
                assert_complete(acknowledged)
    assert_complete(acknowledged)
    assert acknowledged.all["refused"] == []
    for kind in ("tasks", "users"):
        assert len(acknowledged.known(kind)) == len(acknowledged.all[kind])
    assert len(acknowledged.known("tasks")) == int(COUNT) * sum(map(len, ROUNDS))
    assert lanes.lane_count() == 16
    assert len({int(task.lane) for task in TaskModel.scan()}) > 2
    assert [finding.text for finding in findings()] == []


def test_with_one_lane_ids_ascend_in_every_layout(bind: Bind) -> None:
    bind(8)
    add_tasks(9)
    bind(1)
    made = [counters.allocate_id("tasks") for _ in range(9)]
    assert made == sorted(made)
    assert {ident % 8 for ident in made} == {0}


def test_a_writer_uses_the_old_lanes_until_all_readers_know_the_new(
    bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(lanes, "monotonic", lambda: clock[0])
    monkeypatch.setattr(lanes, "WAIT_SECONDS", 60.0)
    bind(2)
    add_tasks(4)
    bind(8)
    for now, wanted in ((1000.0, {0, 1}), (1059.0, {0, 1}), (1061.0, set(range(8)))):
        clock[0] = now
        made = add_tasks(64) + [counters.allocate_id("tasks") for _ in range(5)]
        assert lanes.lane_count() == 8
        assert {int(task.lane) for task in TaskModel.scan() if task.id in made} == wanted


def test_a_cached_layout_expires_by_either_clock(
    bind: Bind, monkeypatch: pytest.MonkeyPatch, connections: dict[str, Connection], endpoint: str
) -> None:
    monkeypatch.setattr(shared_state, "FRESH_SECONDS", 5.0)
    times = {"monotonic": 50.0, "wall": 5000.0}
    for name in times:
        monkeypatch.setattr(shared_state, name, lambda name=name: times[name])
    bind()
    for step, reads in (
        ({}, 0),
        ({"monotonic": 54.0, "wall": 5004.0}, 0),
        ({"monotonic": 54.0, "wall": 5009.0}, 1),  # the process was suspended
        ({"monotonic": 60.0, "wall": 5010.0}, 1),  # the clock was set back
        ({"monotonic": 61.0, "wall": 4000.0}, 1),
    ):
        times.update(step)
        with inject_fault(connections[endpoint]) as sent:
            lanes.lanes_to_read()
        assert len(sent) == reads, step


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("at", [0, 2, 64])
def test_ids_stay_unique_if_counters_change_while_they_are_read(
    bind: Bind,
    connections: dict[str, Connection],
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    at: int,
) -> None:
    """One server reads some counters before another server adds lanes, and the rest after.

    The other server also allocates ids in between.
    """
    settings = bind(4)
    allocated = add_tasks(8)
    connection = connections[endpoint]
    client.bind(msgspec.structs.replace(settings, lanes=8), connection)

    torn: list[bool] = []
    stale = stored_counters.read

    def partly_stale_read(kind: str) -> list[CounterModel]:
        """Return half of the counters from before, and the rest from after the allocations."""
        first = stale(kind)
        torn.append(True)
        if len(torn) != 2:  # the layout is based on the second read
            return first
        other(settings, connection, allocated, count)
        second = {one.name: one for one in stale(kind)}
        whole = {one.name: one for one in first}
        names = stored_counters.names(kind)
        chosen = [whole.get(name) for name in names[:at]]
        chosen += [second.get(name) for name in names[at:]]
        return [one for one in chosen if one]

    monkeypatch.setattr(stored_counters, "read", partly_stale_read)
    allocated += [counters.allocate_id("tasks") for _ in range(20)]
    assert len(torn) >= 2
    client.bind(msgspec.structs.replace(settings, lanes=16), connection)
    allocated += [counters.allocate_id("tasks") for _ in range(40)]
    assert len(set(allocated)) == len(allocated)


def other(settings: Settings, connection: Connection, allocated: list[int], count: int) -> None:
    """Act as another server with 16 lanes: create the counters and allocate ids."""
    memory = client.database
    mine = memory.settings, memory.memory
    memory.settings = msgspec.structs.replace(settings, lanes=16)
    memory.memory = client.Memory()
    try:
        allocated += counters.allocate_ids("tasks", count)
    finally:
        memory.settings, memory.memory = mine


def test_lanes_are_raised_once_no_server_of_the_first_release_may_run(bind: Bind) -> None:
    settings = msgspec.structs.replace(bind(1), lanes=4)
    for contracted, count in ((3, 1), (4, 4)):
        change = Transaction()
        change.update(
            CounterModel(shared_state.ITEM_NAME), [CounterModel.contracted.set(contracted)]
        )
        change.commit()
        client.bind(settings, client.database.connection)
        add_tasks(1)  # learns the number of lanes in the counters
        add_tasks(8)
        assert lanes.lane_count() == count
        assert {int(item.lane) for item in TaskModel.scan()} == set(range(count))
