"""Section "cold": the cold start of the packaged function, next to a minimal botocore function."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore

from billet.benchmark.datasets import Dataset
from billet.benchmark.report import ResultTable, to_ms
from billet.benchmark.timing import Workload, p50, time_interleaved
from billet.package.target import Target

_API = """
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
response = app.app(event, context)
assert response["statusCode"] == 200 and "null" != response["body"], response
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""
_BOTOCORE = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[3])
import botocore.session
client = botocore.session.get_session().create_client("dynamodb")
imported = time.perf_counter()
response = client.get_item(TableName=sys.argv[2], Key={"id": {"N": "1"}}, ConsistentRead=True)
assert response["Item"], response
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""
_IMPORT_TIME = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
SLOWEST_IMPORTS = 10
WARM_UP_STARTS = 1


def unpack_function(folder: Path) -> Path:
    """Package the API for this machine, and return the folder into which its zip is unpacked."""
    options = ["--stage", "prod", "--out", str(folder), *Target.of_this_machine().options]
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "billet", "package", *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.unpack_archive(folder / "deployment.zip", folder / "function")
    return folder / "function"


def measure(
    dataset: Dataset, function: Path, starts: int, on_step: Callable[[], object]
) -> Iterator[ResultTable]:
    """Yield the times of import and first request in new interpreters, and the slowest imports.

    Args:
        function: the folder with the unpacked zip, the only one on the interpreters' path.
    """
    times: dict[str, list[tuple[float, float]]] = {"api": [], "baseline": [], "slim": []}
    table = f"{dataset.settings.prefix}-tasks"

    def start(name: str, code: str, libraries: Path) -> Workload:
        arguments = ["-c", code, str(function), table, str(libraries)]

        def measure_once(_: int) -> None:
            *_log, result = _run(dataset, arguments).stdout.splitlines()
            times[name].append(json.loads(result))

        return Workload(measure_once)

    workloads = {
        "api": start("api", _API, function),
        "baseline": start("baseline", _BOTOCORE, Path(botocore.__file__).parents[1]),
        "slim": start("slim", _BOTOCORE, function),
    }
    time_interleaved(workloads, starts, warm_up=WARM_UP_STARTS, on_round=on_step)
    yield _phases({name: pairs[WARM_UP_STARTS:] for name, pairs in times.items()})
    yield _slowest_imports(dataset, function)


def _phases(times: dict[str, list[tuple[float, float]]]) -> ResultTable:
    """Return a table from the seconds of import and first request of each start."""
    phases: dict[str, Callable[[tuple[float, float]], float]] = {
        "import, make the client": lambda pair: pair[0],
        "first request": lambda pair: pair[1],
        "both": sum,
    }
    rows = []
    for name, phase in phases.items():
        api, baseline, slim = (p50([*map(phase, pairs)]) for pairs in times.values())
        rows.append((name, api / baseline, api / slim, to_ms(api), to_ms(baseline), to_ms(slim)))
    columns = ("", "÷ baseline", "÷ slim", "p50 ms", "baseline p50", "slim p50")
    note = (
        "baseline: import botocore as pip installs it, make a client, one get_item; "
        "slim: the same with the parts of botocore that are in the zip"
    )
    return ResultTable("cold start", columns, rows, note)


def _slowest_imports(dataset: Dataset, function: Path) -> ResultTable:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import app"
    output = _run(dataset, ["-X", "importtime", "-c", code, str(function)]).stderr
    imports = [(int(micros), name) for micros, name in _IMPORT_TIME.findall(output)]
    slowest = sorted(imports, reverse=True)[:SLOWEST_IMPORTS]
    rows = [(name, micros / 1000) for micros, name in slowest]
    title = "cold start: the slowest imports, each without those that it imports"
    return ResultTable(title, ("module", "ms"), rows)


def _run(dataset: Dataset, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run Python with an empty path, as in Lambda."""
    function = {"TABLE_PREFIX": dataset.settings.prefix, "AWS_LAMBDA_FUNCTION_NAME": "bench"}
    return subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", *arguments],
        env=os.environ | function,
        check=True,
        capture_output=True,
        text=True,
    )
