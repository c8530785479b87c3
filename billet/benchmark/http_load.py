"""Requests a second through `billet serve`, next to the floors through the same server."""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, NamedTuple

from billet.benchmark import load_client, replay
from billet.benchmark.fixtures import CONNECTION, World
from billet.benchmark.invoke import call
from billet.benchmark.report import Cell, Table, ms
from billet.benchmark.scenarios import TASK, WHOLE
from billet.benchmark.timing import p50, p99

COLUMNS = (
    "request",
    "connections",
    "each",
    "÷ boto3",
    "requests/s",
    "boto3",
    "p50 ms",
    "p99 ms",
    "p99 ÷ p50",
    "errors",
)
TURNS = 2
"""How often each of two servers is loaded, in a shuffled order."""
_ADDRESS = re.compile(r"(?:http://)?(localhost|[\d.]+):(\d+)")


class Case(NamedTuple):
    """A request as HTTP, the resource that it names, and its ids."""

    method: str
    resource: str
    body: object
    ids: dict[str, int]
    query: dict[str, int]

    @property
    def path(self) -> str:
        """What stands in the request line."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return self.resource.format_map(self.ids) + (f"?{query}" if query else "")

    @property
    def text(self) -> str:
        """The body as it is sent."""
        return "" if self.body is None else json.dumps(self.body)


FREE = {"task_id": 500}
REQUESTS = {
    "get": Case("GET", TASK, None, FREE, {}),
    "list-of-50": Case("GET", "/v1/tasks", None, {}, {"page_size": 50}),
    "create": Case("POST", "/v1/tasks", {"name": WHOLE["name"]}, {}, {}),
    "update": Case("PUT", TASK, WHOLE, FREE, {}),
}


def steps(connections: Sequence[int]) -> int:
    """How often `measure` tells of its progress."""
    return len(connections) * 2 * (1 + len(REQUESTS))


def measure(
    world: World,
    connections: Sequence[int],
    seconds: float,
    progress: Callable[[], object],
) -> Iterator[Table]:
    """Ours and the floors in turn, in an order that is shuffled for each load."""
    world.enter()
    operations = {name: _operations(case) for name, case in REQUESTS.items()}
    rows: list[tuple[Cell, ...]] = []
    with _ours(world) as ours, _floor(operations) as floor:
        for count in connections:
            for keep_alive in (True, False):
                shape = (count, seconds, keep_alive)
                nothing = _offer(floor, "GET", "/nothing", "", *shape)
                rows.append(("nothing", count, keep_alive, None, *_figures(nothing, None)))
                progress()
                for name, case in REQUESTS.items():
                    found = _in_turn(ours, floor, name, case, shape)
                    bare = _rate(found["boto3"])
                    ratio = _rate(found["ours"]) / bare
                    rows.append((name, count, keep_alive, ratio, *_figures(found["ours"], bare)))
                    progress()
    shown = [(*row[:2], "kept" if row[2] else "new", *row[3:]) for row in rows]
    note = (
        "each: connections kept alive, or a new one for each request; "
        "boto3: the same server, and in its route the bare calls of the same request"
    )
    yield Table("http: requests a second through the server", COLUMNS, shown, note)


def _in_turn(
    ours: tuple[str, int],
    floor: tuple[str, int],
    name: str,
    case: Case,
    shape: tuple[int, float, bool],
) -> dict[str, load_client.Result]:
    offers = {
        "ours": lambda: _offer(ours, case.method, case.path, case.text, *shape),
        "boto3": lambda: _offer(floor, case.method, f"/bare/{name}", case.text, *shape),
    }
    order = list(offers) * TURNS
    random.shuffle(order)
    found: dict[str, load_client.Result] = {which: load_client.Result(0, [], 0) for which in offers}
    for which in order:
        found[which].add(offers[which]())
    return found


def _rate(result: load_client.Result) -> float:
    return len(result.samples) / result.seconds


def _figures(result: load_client.Result, bare: float | None) -> tuple[Cell, ...]:
    middle, high = p50(result.samples), p99(result.samples)
    return _rate(result), bare, ms(middle), ms(high), high / middle, result.errors


def _operations(case: Case) -> list[replay.Operation]:
    with replay.recorded(CONNECTION, replay.client()) as recording:
        call(case.method, case.resource, case.body, case.ids, case.query)
    return recording.operations


def _offer(
    server: tuple[str, int],
    method: str,
    path: str,
    body: str,
    connections: int,
    seconds: float,
    keep_alive: bool,
) -> load_client.Result:
    wanted = load_client.Load(*server, method, path, body, connections, seconds, keep_alive)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", load_client.__name__],
        input=json.dumps(wanted.__dict__),
        check=True,
        capture_output=True,
        text=True,
    )
    result = load_client.Result(**json.loads(done.stdout))
    if not result.samples:
        raise RuntimeError(f"{method} {path}: not one good answer, {result.errors} errors")
    return result


@contextmanager
def _ours(world: World) -> Iterator[tuple[str, int]]:
    settings = {"TABLE_PREFIX": world.settings.prefix}
    with _server(["-m", "billet", "serve", "--port", "0"], settings, "") as address:
        yield address


@contextmanager
def _floor(operations: dict[str, list[replay.Operation]]) -> Iterator[tuple[str, int]]:
    with _server(["-m", "billet.benchmark.baseline_server"], {}, json.dumps(operations)) as address:
        yield address


@contextmanager
def _server(arguments: list[str], settings: dict[str, str], text: str) -> Iterator[tuple[str, int]]:
    """Runs a server until the end of the block; gives its host and port."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *arguments],
        env=os.environ | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        _hand_over(text, process.stdin)
        try:
            yield _address(process.stdout or ())
        finally:
            process.terminate()


def _hand_over(text: str, stdin: IO[str] | None) -> None:
    if stdin:
        with stdin:
            stdin.write(text)


def _address(output: Iterable[str]) -> tuple[str, int]:
    for line in output:
        if "Database" not in line and (found := _ADDRESS.search(line)):
            return "127.0.0.1", int(found[2])
    raise RuntimeError("the server did not start")
