"""The metrics of requests: embedded in the line on Lambda, counted for Prometheus elsewhere."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from billet.serve.prometheus import RequestCounter, Workers
from chalicelib.http import metrics
from chalicelib.http.metrics import METRICS, EmfFormatter
from chalicelib.http.request_log import Line, RequestRecord
from tests.support.servers import ROOT

NO_PROCESS = 2**22
"""Linux gives no process an id from here on."""


def a_line(**values: Any) -> Line:
    line = RequestRecord().line()
    return msgspec.structs.replace(line, route="GET /v1/tasks", ms=12.5, **values)


def embedded(line: Line) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EmfFormatter("prod").format_line(line))
    return found


def test_cloudwatch_finds_each_metric_and_dimension_in_the_line() -> None:
    line = a_line(status=503, db_ms=9.5, calls=2, rcu=3.5, throttles=1, cold_start=True)
    found = embedded(line)
    [directive] = found["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == metrics.NAMESPACE
    assert directive["Dimensions"] == [["stage"], ["stage", "route"]]
    assert {one["Name"]: found[one["Name"]] for one in directive["Metrics"]} == {
        "ms": 12.5,
        "db_ms": 9.5,
        "errors": 1,
        "calls": 2,
        "rcu": 3.5,
        "throttles": 1,
        "cold_starts": 1,
    }
    assert (found["stage"], found["route"]) == ("prod", "GET /v1/tasks")
    assert found["_aws"]["Timestamp"] > 1_700_000_000_000
    assert {name: found[name] for name in Line.__struct_fields__} == json.loads(str(line))


def test_a_metric_that_is_0_is_not_sent() -> None:
    [directive] = embedded(a_line(status=200))["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [{"Name": "ms", "Unit": "Milliseconds"}]


@pytest.mark.parametrize(
    ("status", "counted"), [(200, {}), (404, {"client_errors": 1}), (500, {"errors": 1})]
)
def test_an_error_is_counted_by_whose_it_is(status: int, counted: dict[str, int]) -> None:
    found = metrics.values(a_line(status=status))
    assert {name: value for name, value in found.items() if name != "ms"} == counted


def test_prometheus_has_the_same_names_with_bounded_labels() -> None:
    registry = CollectorRegistry()
    counter = RequestCounter(registry)
    for status in (200, 201, 503):
        counter.count(a_line(status=status, rcu=1.5, db_ms=4.0, memory_mb=60.0))
    text = generate_latest(registry).decode()
    names = {family.name for family in registry.collect()}
    assert names == {f"billet_request_{one.name}" for one in METRICS} | {"billet_memory_mb"}
    assert 'billet_request_ms_count{route="GET /v1/tasks",status="2xx"} 2.0' in text
    assert 'billet_request_ms_sum{route="GET /v1/tasks",status="5xx"} 12.5' in text
    assert 'billet_request_ms_bucket{le="10.0",route="GET /v1/tasks",status="5xx"} 0.0' in text
    assert 'billet_request_rcu_total{route="GET /v1/tasks"} 4.5' in text
    assert 'billet_request_errors_total{route="GET /v1/tasks"} 1.0' in text
    assert "billet_memory_mb 60.0" in text


def test_the_counts_of_ended_workers_stay_in_a_bounded_number_of_files(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    registry = CollectorRegistry()
    registry.register(workers)
    write_counts(tmp_path, os.getpid())
    for count in (2, 3, 4):
        write_counts(tmp_path, NO_PROCESS + count)
        for _ in range(2):
            text = generate_latest(registry).decode()
            assert f'calls_total{{route="GET /v1/tasks"}} {count}.0' in text
            assert f'ms_bucket{{le="+Inf",route="GET /v1/tasks"}} {count}.0' in text
            assert f'ms_bucket{{le="1.0",route="GET /v1/tasks"}} {count}.0' in text
            assert f'ms_count{{route="GET /v1/tasks"}} {count}.0' in text
            assert f'ms_sum{{route="GET /v1/tasks"}} {count / 2}' in text
            assert text.count("billet_memory_mb{") == 1
        assert len(list(tmp_path.iterdir())) == 5


def write_counts(folder: Path, pid: int) -> None:
    """Write the files of a worker that has counted one request."""
    samples = [
        ("counter", "calls", "calls_total", {}, 1.0),
        ("histogram", "ms", "ms_bucket", {"le": "1.0"}, 1.0),
        ("histogram", "ms", "ms_bucket", {"le": "+Inf"}, 0.0),
        ("histogram", "ms", "ms_sum", {}, 0.5),
        ("gauge_liveall", "billet_memory_mb", "billet_memory_mb", {}, 60.0),
    ]
    for kind, metric, name, more, value in samples:
        labels = more | ({} if "gauge" in kind else {"route": "GET /v1/tasks"})
        values = MmapedDict(str(folder / f"{kind}_{pid}.db"))  # type: ignore[no-untyped-call]
        key = mmap_key(metric, name, list(labels), list(labels.values()), "text")
        values.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        values.close()  # type: ignore[no-untyped-call]


def test_the_documentation_has_each_metric() -> None:
    text = (ROOT / "docs/observability.md").read_text()
    for name, unit, meaning in METRICS:
        other = f"billet_request_{name}" + ("_total" if unit == "Count" else "")
        assert f"| {name} | {unit} | {other} | {meaning} |" in text
