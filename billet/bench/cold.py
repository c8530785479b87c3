"""The packaged function's cold start, next to one that only reaches DynamoDB with botocore."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from billet.bench.report import Table, ms
from billet.bench.timing import Candidate, Samples, p50, side_by_side
from billet.bench.worlds import World

_OURS = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[1])
import app
imported = time.perf_counter()
context = type("Context", (), {"aws_request_id": "cold"})()
path = "/v1/tasks/1"
event = {"requestContext": {"httpMethod": "GET", "resourcePath": "/v1/tasks/{task_id}",
         "path": path}, "headers": {}, "pathParameters": {"task_id": "1"}, "stageVariables": {},
         "multiValueQueryStringParameters": None, "body": None}
answer = app.app(event, context)
assert answer["statusCode"] == 200 and "null" != answer["body"], answer
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""
_FLOOR = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[1])
import botocore.session
client = botocore.session.get_session().create_client("dynamodb")
imported = time.perf_counter()
answer = client.get_item(TableName=sys.argv[2], Key={"id": {"N": "1"}}, ConsistentRead=True)
assert answer["Item"], answer
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
DEAREST = 10
WARM_UP = 1


def unpacked(folder: Path) -> Path:
    """Packages the stage prod, and unpacks its zip into the folder."""
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "billet", "package", "--stage", "prod", "--out", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.unpack_archive(folder / "deployment.zip", folder / "function")
    return folder / "function"


def measure(
    world: World, function: Path, rounds: int, progress: Callable[[], object]
) -> Iterator[Table]:
    """Import and first request, each time in a new interpreter that has nothing but the zip."""
    parts: dict[str, list[list[float]]] = {"ours": [], "floor": []}
    table = f"{world.settings.prefix}-tasks"

    def start(which: str, code: str) -> Callable[[object], None]:
        return lambda _: parts[which].append(
            json.loads(_run(world, ["-c", code, str(function), table]))
        )

    side_by_side(
        {"ours": Candidate(start("ours", _OURS)), "floor": Candidate(start("floor", _FLOOR))},
        rounds,
        warm_up=WARM_UP,
        progress=progress,
    )
    rows = []
    for name, position in (("import, make the client", 0), ("first request", 1), ("both", None)):
        ours, floor = (_column(parts[which], position) for which in ("ours", "floor"))
        rows.append((name, p50(ours) / p50(floor), ms(p50(ours)), ms(p50(floor))))
    note = "floor: botocore imported, a client made, one get_item; both from the same unpacked zip"
    yield Table("cold start", ("", "÷ floor", "p50 ms", "floor p50"), rows, note)
    yield _dearest(world, function)


def _column(parts: list[list[float]], position: int | None) -> Samples:
    return [sum(pair) if position is None else pair[position] for pair in parts]


def _dearest(world: World, function: Path) -> Table:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import app"
    said = _run(world, ["-X", "importtime", "-c", code, str(function)], stderr=True)
    found = [(int(own), name) for own, name in _IMPORT.findall(said)]
    rows = [(name, own / 1000) for own, name in sorted(found, reverse=True)[:DEAREST]]
    return Table("cold start: the dearest imports, each without its own", ("module", "ms"), rows)


def _run(world: World, arguments: list[str], *, stderr: bool = False) -> str:
    """Runs Python with nothing on its path, as a function of Lambda is run."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", *arguments],
        env={
            **os.environ,
            "TABLE_PREFIX": world.settings.prefix,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
        },
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stderr if stderr else done.stdout
