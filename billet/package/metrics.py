"""The metrics that the dashboard shows, and the alarms on some of them.

This is the one list of both. To show or watch another metric, add a line to `METRICS` or an alarm
to `ALARMS`.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from chalicelib.dynamodb.botocore_patches import schema_of
from chalicelib.dynamodb.models import SUFFIXES

TIMEOUT_SECONDS = 28
"""Of the functions. API Gateway waits for 29 s. The API ends a request after REQUEST_SECONDS."""
STACK = "${AWS::StackName}"
API = {"ApiName": STACK}
"""API Gateway reports by the name of the API, which is that of the stack. A reference to the API
itself would be circular: API, alias, deployment group, alarm."""
FUNCTION = {"FunctionName": "${APIHandler}"}
AUTHORIZER = {"FunctionName": "${Authenticate}"}
RUNBOOK = "docs/runbook.md"
TABLES = tuple(sorted(SUFFIXES.values()))
INDEXES = tuple(
    sorted(
        (suffix, index["index_name"])
        for model, suffix in SUFFIXES.items()
        for index in schema_of(model)["global_secondary_indexes"]
    )
)
"""The global secondary indexes, each with its table. DynamoDB counts what lists read, and what is
throttled there, by index; local ones count as their table."""


class Metric(NamedTuple):
    """A metric of CloudWatch."""

    namespace: str
    name: str
    statistic: str
    dimensions: dict[str, str]
    """The values may contain `${…}` as Fn::Sub has them, and {prefix}, that of the tables."""


class Widget(NamedTuple):
    """A graph of the dashboard."""

    title: str
    metrics: tuple[Metric, ...]


class Alarm(NamedTuple):
    """An alarm: the statistic of the metrics' sum is above a threshold."""

    description: str
    runbook: str
    """The section of docs/runbook.md that says what to do."""
    metrics: tuple[Metric, ...]
    above: float
    minutes: int
    """How many minutes of the last five must be above the threshold."""
    rolls_back: bool = False
    """Whether it stops the rollout of a new version."""


Watch = TypeVar("Watch", Widget, Alarm)

REQUESTS = Metric("AWS/ApiGateway", "Count", "Sum", API)
CLIENT_ERRORS = Metric("AWS/ApiGateway", "4XXError", "Sum", API)
SERVER_ERRORS = Metric("AWS/ApiGateway", "5XXError", "Sum", API)
SERVER_ERROR_RATE = Metric("AWS/ApiGateway", "5XXError", "Average", API)
LATENCY_P50 = Metric("AWS/ApiGateway", "Latency", "p50", API)
LATENCY_P99 = Metric("AWS/ApiGateway", "Latency", "p99", API)
ERRORS = Metric("AWS/Lambda", "Errors", "Sum", FUNCTION)
DURATION = Metric("AWS/Lambda", "Duration", "Maximum", FUNCTION)
THROTTLES = Metric("AWS/Lambda", "Throttles", "Sum", FUNCTION)
INSTANCES = Metric("AWS/Lambda", "ConcurrentExecutions", "Maximum", FUNCTION)
AUTHORIZER_ERRORS = Metric("AWS/Lambda", "Errors", "Sum", AUTHORIZER)
AUTHORIZER_THROTTLES = Metric("AWS/Lambda", "Throttles", "Sum", AUTHORIZER)


def _of_tables(name: str) -> tuple[Metric, ...]:
    return tuple(
        Metric("AWS/DynamoDB", name, "Sum", {"TableName": f"{{prefix}}-{table}"})
        for table in TABLES
    )


def _of_indexes(name: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            "AWS/DynamoDB",
            name,
            "Sum",
            {"TableName": f"{{prefix}}-{table}", "GlobalSecondaryIndexName": index},
        )
        for table, index in INDEXES
    )


def _of_database(name: str) -> tuple[Metric, ...]:
    return _of_tables(name) + _of_indexes(name)


METRICS = (
    Widget("Requests", (REQUESTS, CLIENT_ERRORS, SERVER_ERRORS)),
    Widget("Latency (ms)", (LATENCY_P50, LATENCY_P99)),
    Widget("Function: errors and throttles", (ERRORS, THROTTLES)),
    Widget("Function: longest call (ms)", (DURATION,)),
    Widget("Function: instances", (INSTANCES,)),
    Widget("Authorizer", (AUTHORIZER_ERRORS, AUTHORIZER_THROTTLES)),
    Widget("DynamoDB: read units", _of_database("ConsumedReadCapacityUnits")),
    Widget("DynamoDB: write units", _of_database("ConsumedWriteCapacityUnits")),
    Widget("DynamoDB: reads that were throttled", _of_database("ReadThrottleEvents")),
    Widget("DynamoDB: writes that were throttled", _of_database("WriteThrottleEvents")),
)
"""The graphs of the dashboard, from left to right and from top to bottom."""

ALARMS: dict[str, Alarm] = {
    "ServerErrors": Alarm(
        "More than 1 % of the responses are 5xx",
        "errors",
        (SERVER_ERROR_RATE,),
        0.01,
        2,
        rolls_back=True,
    ),
    "SlowResponses": Alarm(
        "The p99 of the latency is above 3 s", "start-here", (LATENCY_P99,), 3000, 3
    ),
    "FunctionErrors": Alarm(
        "The function crashed or ran out of time", "errors", (ERRORS,), 0, 1, rolls_back=True
    ),
    "FunctionNearTimeout": Alarm(
        f"A call took more than 80 % of the {TIMEOUT_SECONDS} s after which Lambda ends it",
        "start-here",
        (DURATION,),
        TIMEOUT_SECONDS * 800,
        1,
    ),
    "FunctionThrottles": Alarm(
        "Lambda had no instance for a request: raise ReservedConcurrency or the account's limit",
        "full-server",
        (THROTTLES, AUTHORIZER_THROTTLES),
        0,
        1,
    ),
    "AuthorizerErrors": Alarm(
        "The authorizer failed, so requests with a token get a 503",
        "errors",
        (AUTHORIZER_ERRORS,),
        0,
        1,
        rolls_back=True,
    ),
    **{
        f"{name}Throttles": Alarm(f"DynamoDB throttles {text}", "throttling", metrics, 0, 2)
        for name, text, metrics in (
            ("Read", "reads", _of_tables("ReadThrottleEvents")),
            ("Write", "writes", _of_tables("WriteThrottleEvents")),
            ("IndexRead", "reads of indexes", _of_indexes("ReadThrottleEvents")),
            ("IndexWrite", "writes to indexes", _of_indexes("WriteThrottleEvents")),
        )
    },
}
"""The alarms by their logical ids. An alarm can watch up to ten metrics."""
PERIOD = 60
COLUMNS, WIDTH, HEIGHT = 2, 12, 6


def resources(prefix: str, topic: str, *, has_authorizer: bool) -> dict[str, Any]:
    """Return the alarms and the dashboard.

    Args:
        prefix: that of the names of the tables.
        topic: the logical id of the topic that the alarms notify.
        has_authorizer: whether there is a function that checks tokens.
    """
    alarms = {
        name: _alarm(alarm, prefix, topic)
        for name, alarm in present(ALARMS, has_authorizer=has_authorizer).items()
    }
    shown = present({one.title: one for one in METRICS}, has_authorizer=has_authorizer).values()
    body = json.dumps({"widgets": [_widget(*one, prefix) for one in enumerate(shown)]})
    dashboard = {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {"DashboardName": {"Fn::Sub": STACK}, "DashboardBody": {"Fn::Sub": body}},
    }
    return {**alarms, "Dashboard": dashboard}


def present(found: Mapping[str, Watch], *, has_authorizer: bool) -> dict[str, Watch]:
    """Return the alarms or graphs without the metrics of an authorizer that does not exist."""
    if has_authorizer:
        return dict(found)
    others = {
        name: one._replace(metrics=tuple(m for m in one.metrics if m.dimensions != AUTHORIZER))
        for name, one in found.items()
    }
    return {name: one for name, one in others.items() if one.metrics}


def _alarm(alarm: Alarm, prefix: str, topic: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": f"{alarm.description}: see {RUNBOOK}#{alarm.runbook}",
            **_watched(alarm.metrics, prefix),
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": alarm.above,
            "DatapointsToAlarm": alarm.minutes,
            "EvaluationPeriods": 5,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": topic}],
            "OKActions": [{"Ref": topic}],
        },
    }


def _watched(metrics: tuple[Metric, ...], prefix: str) -> dict[str, Any]:
    if len(metrics) == 1:
        (metric,) = metrics
        statistic: dict[str, str] = {"Statistic": metric.statistic}
        if metric.statistic.startswith("p"):
            statistic = {
                "ExtendedStatistic": metric.statistic,
                # The other value, ignore, keeps the state below 1,000 requests in a minute (p99).
                # With few requests the p99 is the slowest one; an alarm needs several such minutes.
                "EvaluateLowSampleCountPercentile": "evaluate",
            }
        return {**_metric(metric, prefix), "Period": PERIOD, **statistic}
    terms = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": _metric(metric, prefix),
                "Period": PERIOD,
                "Stat": metric.statistic,
            },
            "ReturnData": False,
        }
        for number, metric in enumerate(metrics)
    ]
    total = {"Id": "total", "Expression": "SUM(FILL(METRICS(), 0))", "Label": metrics[0].name}
    return {"Metrics": [*terms, {**total, "ReturnData": True}]}


def _metric(metric: Metric, prefix: str) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [
            {"Name": name, "Value": _value(text, prefix)}
            for name, text in metric.dimensions.items()
        ],
    }


def _value(text: str, prefix: str) -> Any:
    text = text.replace("{prefix}", prefix)
    return {"Fn::Sub": text} if "$" in text else text


def _widget(number: int, widget: Widget, prefix: str) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "type": "metric",
        "x": column * WIDTH,
        "y": row * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": widget.title,
            "region": "${AWS::Region}",
            "period": PERIOD,
            "metrics": [_line(metric, prefix) for metric in widget.metrics],
        },
    }


def _line(metric: Metric, prefix: str) -> list[Any]:
    """Return a metric as a dashboard has it: namespace, name, each dimension, options."""
    dimensions = [
        part.replace("{prefix}", prefix) for pair in metric.dimensions.items() for part in pair
    ]
    return [metric.namespace, metric.name, *dimensions, {"stat": metric.statistic}]
