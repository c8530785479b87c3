"""The packaged function's cold start, next to one that only reaches DynamoDB with botocore."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore

from billet.benchmark.fixtures import World
from billet.benchmark.report import Table, ms
from billet.benchmark.timing import Candidate, Samples, p50, side_by_side

_OURS = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[1])
import app
imported = time.perf_counter()
class context:
    aws_request_id = "cold"
    get_remaining_time_in_millis = lambda: 28_000
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
sys.path.insert(0, sys.argv[3])
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
    parts: dict[str, list[list[float]]] = {"ours": [], "floor": [], "slim": []}
    table = f"{world.settings.prefix}-tasks"

    def start(which: str, code: str, libraries: Path) -> Candidate:
        arguments = ["-c", code, str(function), table, str(libraries)]
        return Candidate(lambda _: parts[which].append(json.loads(_run(world, arguments))))

    candidates = {
        "ours": start("ours", _OURS, function),
        "floor": start("floor", _FLOOR, Path(botocore.__file__).parents[1]),
        "slim": start("slim", _FLOOR, function),
    }
    side_by_side(candidates, rounds, warm_up=WARM_UP, progress=progress)
    yield _starts({which: found[WARM_UP:] for which, found in parts.items()})
    yield _dearest(world, function)


def _starts(parts: dict[str, list[list[float]]]) -> Table:
    rows = []
    for name, position in (("import, make the client", 0), ("first request", 1), ("both", None)):
        ours, floor, slim = (p50(_column(found, position)) for found in parts.values())
        rows.append((name, ours / floor, ours / slim, ms(ours), ms(floor), ms(slim)))
    columns = ("", "÷ floor", "÷ slim floor", "p50 ms", "floor p50", "slim floor p50")
    note = (
        "floor: botocore as pip installs it imported, a client made, one get_item; "
        "slim floor: the same with what the zip holds of botocore"
    )
    return Table("cold start", columns, rows, note)


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
