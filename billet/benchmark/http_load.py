"""Section "http": requests per second through `billet serve`, next to the same server with boto3.

The server, the baseline server and the load client are processes of their own.
"""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import NamedTuple

from billet.benchmark import load_client, replay
from billet.benchmark.datasets import CONNECTION, Dataset
from billet.benchmark.load_client import Load, LoadResult
from billet.benchmark.report import Cell, ResultTable, to_ms
from billet.benchmark.scenarios import TASK, TASK_BODY, invoke
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
REPEATS = 2
"""How often each server gets each load; the order is random."""
_ADDRESS = re.compile(r"(?:http://)?(localhost|[\d.]+):(\d+)")
Address = tuple[str, int]


class Shape(NamedTuple):
    """How a load is sent."""

    connections: int
    seconds: float
    keep_alive: bool


class Request(NamedTuple):
    """An HTTP request of the API, with the parts that `invoke` takes."""

    method: str
    resource: str
    body: object
    ids: dict[str, int]
    query: dict[str, int]

    @property
    def path(self) -> str:
        """The path with its query."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return self.resource.format_map(self.ids) + (f"?{query}" if query else "")

    @property
    def text(self) -> str:
        """The body as JSON."""
        return "" if self.body is None else json.dumps(self.body)


UNASSIGNED = {"task_id": 500}
REQUESTS = {
    "get": Request("GET", TASK, None, UNASSIGNED, {}),
    "list-of-50": Request("GET", "/v1/tasks", None, {}, {"page_size": 50}),
    "create": Request("POST", "/v1/tasks", {"name": TASK_BODY["name"]}, {}, {}),
    "update": Request("PUT", TASK, TASK_BODY, UNASSIGNED, {}),
}


def step_count(connection_counts: Sequence[int]) -> int:
    """Return how often `measure` calls `on_step`."""
    return len(connection_counts) * 2 * (1 + len(REQUESTS))


def measure(
    dataset: Dataset,
    connection_counts: Sequence[int],
    seconds: float,
    on_step: Callable[[], object],
) -> Iterator[ResultTable]:
    """Yield the rates of each request for each number of connections, kept alive or not."""
    dataset.bind()
    operations = {name: _operations(request) for name, request in REQUESTS.items()}
    rows: list[tuple[Cell, ...]] = []
    with _api_server(dataset) as api, _baseline_server(operations) as baseline:
        for connections in connection_counts:
            for keep_alive in (True, False):
                shape = Shape(connections, seconds, keep_alive)
                lead = (connections, "kept" if keep_alive else "new")
                nothing = _send_load(baseline, "GET", "/nothing", "", shape)
                rows.append(("nothing", *lead, None, *_figures(nothing, None)))
                on_step()
                for name, request in REQUESTS.items():
                    results = _compare(api, baseline, name, request, shape)
                    boto3 = results["boto3"].rate
                    ratio = results["api"].rate / boto3
                    rows.append((name, *lead, ratio, *_figures(results["api"], boto3)))
                    on_step()
    note = (
        "each: connections kept alive, or a new one for each request; "
        "boto3: the same server, with a route that makes the same calls with bare boto3"
    )
    yield ResultTable("http: requests per second through the server", COLUMNS, rows, note)


def _compare(
    api: Address, baseline: Address, name: str, request: Request, shape: Shape
) -> dict[str, LoadResult]:
    loads = {
        "api": lambda: _send_load(api, request.method, request.path, request.text, shape),
        "boto3": lambda: _send_load(baseline, request.method, f"/bare/{name}", request.text, shape),
    }
    order = list(loads) * REPEATS
    random.shuffle(order)
    results = {server: LoadResult(0, [], 0) for server in loads}
    for server in order:
        results[server].add(loads[server]())
    return results


def _figures(result: LoadResult, boto3: float | None) -> tuple[Cell, ...]:
    middle, high = p50(result.samples), p99(result.samples)
    return result.rate, boto3, to_ms(middle), to_ms(high), high / middle, result.errors


def _operations(request: Request) -> list[replay.Operation]:
    with replay.record(CONNECTION, replay.boto3_client()) as recording:
        invoke(request.method, request.resource, request.body, request.ids, request.query)
    return recording.operations


def _send_load(server: Address, method: str, path: str, body: str, shape: Shape) -> LoadResult:
    load = Load(*server, method, path, body, **shape._asdict())
    process = subprocess.run(  # noqa: S603
        [sys.executable, "-m", load_client.__name__],
        input=json.dumps(asdict(load)),
        check=True,
        capture_output=True,
        text=True,
    )
    result = LoadResult(**json.loads(process.stdout))
    if not result.samples:
        raise RuntimeError(f"{method} {path}: no request succeeded, {result.errors} failed")
    return result


@contextmanager
def _api_server(dataset: Dataset) -> Iterator[Address]:
    settings = {"TABLE_PREFIX": dataset.settings.prefix}
    with _server(["-m", "billet", "serve", "--port", "0"], settings, "") as address:
        yield address


@contextmanager
def _baseline_server(operations: dict[str, list[replay.Operation]]) -> Iterator[Address]:
    with _server(["-m", "billet.benchmark.baseline_server"], {}, json.dumps(operations)) as address:
        yield address


@contextmanager
def _server(arguments: list[str], settings: dict[str, str], stdin: str) -> Iterator[Address]:
    """Run a server until the end of the block."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *arguments],
        env=os.environ | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin  # noqa: S101  # nosec B101
        assert process.stdout  # noqa: S101  # nosec B101
        with process.stdin:
            process.stdin.write(stdin)
        try:
            yield _address(process.stdout)
        finally:
            process.terminate()


def _address(output: Iterable[str]) -> Address:
    for line in output:
        if "Database" not in line and (match := _ADDRESS.search(line)):
            return "127.0.0.1", int(match[2])
    raise RuntimeError("the server did not start")
