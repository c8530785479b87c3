"""The metrics of requests, made from the lines of the log.

Lambda embeds them in the line, from which CloudWatch extracts them (EMF); `billet serve` counts
them for Prometheus. Dashboard, alarms and documentation use the same list.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import time
from typing import Any, Literal, NamedTuple

import msgspec

from chalicelib.http.json_log import JsonFormatter
from chalicelib.http.request_log import Line

NAMESPACE = "BilletTasks"
"""The namespace in CloudWatch."""
PREFIX = "billet_request_"
"""Begins the names in Prometheus."""
DIMENSIONS = (("stage",), ("stage", "route"))
"""The dimensions in CloudWatch. Routes are bounded. The class of the status is none, because each
further combination is a metric that is charged for."""


class Metric(NamedTuple):
    """A metric of requests."""

    name: str
    """The key of the line, or a count of lines."""
    unit: Literal["Milliseconds", "Count"]
    meaning: str


METRICS = (
    Metric("ms", "Milliseconds", "time of the request, with its wait for a thread"),
    Metric("db_ms", "Milliseconds", "time in which at least one call to DynamoDB was open"),
    Metric("errors", "Count", "responses with a status of 500 or more"),
    Metric("client_errors", "Count", "responses with a status of 400 to 499"),
    Metric("calls", "Count", "calls to DynamoDB"),
    Metric("rcu", "Count", "read units"),
    Metric("wcu", "Count", "write units"),
    Metric("items_read", "Count", "items that DynamoDB read"),
    Metric("retries", "Count", "repeated calls to DynamoDB"),
    Metric("conflicts", "Count", "attempts to write that lost a race"),
    Metric("throttles", "Count", "calls that DynamoDB refused because of load"),
    Metric("cold_starts", "Count", "first requests of a process"),
)


def values(line: Line) -> dict[str, float]:
    """Return the metrics of a request by name, without those that are 0."""
    counts: dict[str, float] = {
        "errors": line.status >= 500,
        "client_errors": 400 <= line.status < 500,
        "cold_starts": line.cold_start,
    }
    found = {one.name: counts.get(one.name) or getattr(line, one.name, 0) for one in METRICS}
    return {name: value for name, value in found.items() if value}


class EmfFormatter(JsonFormatter):
    """Formats the line of a request with its metrics embedded.

    A metric that is 0 is left out: CloudWatch charges for each metric that has a value. So an
    alarm on it must treat missing data as not breaching.
    """

    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format_line(self, line: Line) -> str:
        """Return the JSON of a request's line."""
        found = values(line)
        metrics = [{"Name": one.name, "Unit": one.unit} for one in METRICS if one.name in found]
        directive = {"Namespace": NAMESPACE, "Dimensions": DIMENSIONS, "Metrics": metrics}
        further: dict[str, Any] = {
            "stage": self._stage,
            **{name: int(value) for name, value in found.items() if not hasattr(line, name)},
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        }
        return f"{str(line)[:-1]},{msgspec.json.encode(further).decode()[1:]}"
