"""Compute what a month costs, and write it into docs/deploying.md.

    python -m infrastructure.cost            print the tables
    python -m infrastructure.cost --write    write them into docs/deploying.md

Calls, capacity units and times are those of docs/performance.md, which `billet bench` measured.
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import NamedTuple

from billet.benchmark.cost import UNITS_PER_TRANSACTED_WRITE
from billet.package.metrics import ALARMS
from billet.prices import PRICES as DYNAMODB

DOCS = Path(__file__).parents[1] / "docs"
REPORT, PAGE = DOCS / "performance.md", DOCS / "deploying.md"
BEGIN, END = "<!-- costs: begin -->\n", "<!-- costs: end -->\n"
COMMAND = "python -m infrastructure.cost --write"

PRICES_OF = "US dollars in us-east-1 as of November 2026, without taxes and discounts"
MILLION = 1_000_000
API_REQUEST = 3.50 / MILLION
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
READ_UNIT, WRITE_UNIT = DYNAMODB["read unit"] / MILLION, DYNAMODB["write unit"] / MILLION
TABLE_GB_MONTH, RECOVERY_GB_MONTH = 0.25, 0.20
LOG_GB, LOG_GB_MONTH = 0.50, 0.03
TRACE = 5.00 / MILLION
ALARM_METRIC, DASHBOARD = 0.10, 3.00
TRANSFER_GB = 0.09
SOURCES = {
    "API Gateway": "https://aws.amazon.com/api-gateway/pricing/",
    "Lambda": "https://aws.amazon.com/lambda/pricing/",
    "DynamoDB": "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    "CloudWatch": "https://aws.amazon.com/cloudwatch/pricing/",
    "X-Ray": "https://aws.amazon.com/xray/pricing/",
    "data transfer": "https://aws.amazon.com/ec2/pricing/on-demand/",
}

MIX = {
    "GET task": 0.30,
    "GET tasks, 50": 0.25,
    "GET a user's tasks, 50": 0.15,
    "GET user": 0.05,
    "PATCH task": 0.10,
    "POST task": 0.08,
    "assign, unassign": 0.05,
    "DELETE task": 0.01,
    "POST user": 0.01,
}
"""The share of each request. The names are those of the rows in docs/performance.md."""
REQUESTS_OF_ROW = {"assign, unassign": 2}
"""Rows that measure more than one request."""
MEMORY_GB = 1.0
FULL_CPU_MB = 1769
"""Lambda gives one whole CPU at this memory size, and in proportion with less:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
CPU = FULL_CPU_MB / (MEMORY_GB * 1024)
"""How many times slower the code is than on a whole CPU."""
CALL_MS = 5.0
"""An assumption: a call from Lambda to DynamoDB takes so much longer than one on one machine."""
AUTHORIZER_SHARE, AUTHORIZER_MS = 0.05, 10.0
"""An assumption: a client sends 20 requests in the time for which its token is cached."""
LOG_BYTES = 1_300
"""An assumption: API Gateway's line, the API's, and Lambda's START, END and REPORT."""
RESPONSE_BYTES = 3_000
"""An assumption: a response with its headers; lists are compressed."""
QUOTA_WRITES = 0.05
"""Writes to the shared quota, for each request."""
ALARM_METRICS = sum(len(alarm.metrics) for alarm in ALARMS.values())
"""AWS charges for each metric that an alarm watches."""
TRACED_PER_SECOND, TRACED_SHARE = 1, 0.05
"""X-Ray's default sampling."""
SECONDS = 30.4 * 86_400
VOLUMES = (0, MILLION, 100 * MILLION)
"""The requests of a month."""
TASK_BYTES, MONTHS_KEPT = 3_000, 12
"""A task with its indexes (docs/scaling.md), and an assumption: the tasks of a year are stored."""
FREE = {
    "Lambda, requests": MILLION * LAMBDA_REQUEST,
    "Lambda, time": 400_000 * LAMBDA_GB_SECOND,
    "DynamoDB, storage": 25 * TABLE_GB_MONTH,
    "CloudWatch, logs": 5 * LOG_GB,
    "CloudWatch, alarms": 10 * ALARM_METRIC,
    "CloudWatch, dashboard": 3 * DASHBOARD,
    "X-Ray": 100_000 * TRACE,
    "data transfer": 100 * TRANSFER_GB,
}
"""What AWS does not charge in any month, if nothing else in the account uses it up."""


class Request(NamedTuple):
    """What one request uses."""

    read_units: float
    write_units: float
    milliseconds: float
    """The time for which Lambda charges."""


def requests(report: str) -> dict[str, Request]:
    """Return what each request of the mix uses, from the text of docs/performance.md."""
    units, times = _rows(report, "$ per million"), _rows(report, "boto3 p50")
    found = {}
    for name in MIX:
        unit, count = units[name], REQUESTS_OF_ROW.get(name, 1)
        calls = float(unit["calls"]) / count
        writes = float(unit["write units"])
        writes += float(unit["transacted"]) * UNITS_PER_TRANSACTED_WRITE
        milliseconds = float(times[name]["p50 ms"]) / count * CPU + calls * CALL_MS
        found[name] = Request(float(unit["read units"]) / count, writes / count, milliseconds)
    return found


def average(each: Mapping[str, Request]) -> Request:
    """Return what a request of the mix uses on average, with the quota and the authorizer."""
    sums = [fsum(MIX[name] * one[field] for name, one in each.items()) for field in range(3)]
    return Request(
        sums[0] + AUTHORIZER_SHARE,
        sums[1] + QUOTA_WRITES,
        sums[2] + AUTHORIZER_SHARE * AUTHORIZER_MS,
    )


def month(count: int, request: Request) -> dict[str, float]:
    """Return the dollars of a month, by what they are for.

    Args:
        count: the requests.
        request: what each uses.
    """
    gigabytes = count * MIX["POST task"] * MONTHS_KEPT * TASK_BYTES / 1e9
    gb_seconds = count * request.milliseconds / 1000 * MEMORY_GB
    logs = count * LOG_BYTES / 1e9
    return {
        "API Gateway": count * API_REQUEST,
        "Lambda, requests": count * (1 + AUTHORIZER_SHARE) * LAMBDA_REQUEST,
        "Lambda, time": gb_seconds * LAMBDA_GB_SECOND,
        "DynamoDB, reads": count * request.read_units * READ_UNIT,
        "DynamoDB, writes": count * request.write_units * WRITE_UNIT,
        "DynamoDB, storage": gigabytes * TABLE_GB_MONTH,
        "DynamoDB, point-in-time recovery": gigabytes * RECOVERY_GB_MONTH,
        "CloudWatch, logs": logs * (LOG_GB + LOG_GB_MONTH),
        "CloudWatch, alarms": ALARM_METRICS * ALARM_METRIC,
        "CloudWatch, dashboard": DASHBOARD,
        "X-Ray": _traces(count) * TRACE,
        "data transfer": count * RESPONSE_BYTES / 1e9 * TRANSFER_GB,
    }


def free(costs: Mapping[str, float]) -> float:
    """Return how much of the costs AWS does not charge."""
    return fsum(min(costs[name], amount) for name, amount in FREE.items())


def _traces(count: int) -> float:
    first = min(count, SECONDS * TRACED_PER_SECOND)
    return first + (count - first) * TRACED_SHARE


def _rows(report: str, column: str) -> dict[str, dict[str, str]]:
    """Return the rows of the first table with this column, by their first cell."""
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):
        header, _, *lines = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
        ]
        if column in header:
            return {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    raise ValueError(f"docs/performance.md has no table with the column {column}")


def text(report: str) -> str:
    """Return the tables and the arithmetic in Markdown."""
    each = requests(report)
    return "\n".join([*_per_month(average(each)), "", *_per_request(each), "", *_arithmetic()])


def _per_month(request: Request) -> Iterator[str]:
    columns = [month(count, request) for count in VOLUMES]
    yield _row("US dollars a month", *(f"{count // MILLION} M requests" for count in VOLUMES))
    yield "|---|" + "---:|" * len(columns)
    for name in columns[0]:
        yield _row(name, *(f"{costs[name]:,.2f}" for costs in columns))
    totals = [fsum(costs.values()) for costs in columns]
    yield _row("**total**", *(f"**{total:,.2f}**" for total in totals))
    less = [total - free(costs) for total, costs in zip(totals, columns, strict=True)]
    yield _row("total less the free tier", *(f"{one:,.2f}" for one in less))


def _per_request(each: Mapping[str, Request]) -> Iterator[str]:
    yield _row("request", "share", "read units", "write units", "billed ms")
    yield "|---|---:|---:|---:|---:|"
    for name, one in each.items():
        yield _row(name, f"{MIX[name]:.0%}", *_figures(one))
    yield _row("**average**, with quota and authorizer", "100%", *_figures(average(each)))


def _figures(one: Request) -> Sequence[str]:
    return f"{one.read_units:.2f}", f"{one.write_units:.2f}", f"{one.milliseconds:.1f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _arithmetic() -> Iterator[str]:
    sources = ", ".join(f"[{name}]({url})" for name, url in SOURCES.items())
    yield f"Prices: {PRICES_OF}; {sources}."
    yield ""
    yield f"- API Gateway: requests × ${API_REQUEST * MILLION:.2f} a million (REST)."
    yield (
        f"- Lambda: requests × {1 + AUTHORIZER_SHARE} × ${LAMBDA_REQUEST * MILLION:.2f} a million, "
        f"and billed seconds × {MEMORY_GB:g} GB × ${LAMBDA_GB_SECOND:.10f} (arm64). Billed ms = "
        f"the p50 of [performance.md](performance.md) × {CPU:.2f} (the CPU share of 1,024 MB) + "
        f"calls × {CALL_MS:g} ms (assumed)."
    )
    yield (
        f"- DynamoDB: read units × ${READ_UNIT * MILLION:g} and write units × "
        f"${WRITE_UNIT * MILLION:g} a million; a write in a transaction is "
        f"{UNITS_PER_TRANSACTED_WRITE} units, and its indexes are not counted. Storage "
        f"${TABLE_GB_MONTH:.2f} and recovery ${RECOVERY_GB_MONTH:.2f} a GB; a task takes "
        f"{TASK_BYTES:,} bytes, and the tasks of {MONTHS_KEPT} months are stored (assumed)."
    )
    yield (
        f"- Logs: requests × {LOG_BYTES:,} bytes (assumed) × ${LOG_GB + LOG_GB_MONTH:.2f} a GB for "
        f"a month. Alarms: {ALARM_METRICS} metrics × ${ALARM_METRIC:.2f}."
    )
    yield (
        f"- X-Ray: one trace a second and {TRACED_SHARE:.0%} of the others × "
        f"${TRACE * MILLION:.2f} a million. Transfer: {RESPONSE_BYTES:,} bytes (assumed) × "
        f"${TRANSFER_GB} a GB."
    )
    yield (
        f"- {QUOTA_WRITES:.0%} of the requests write to the shared quota, and "
        f"{AUTHORIZER_SHARE:.0%} call the authorizer (assumed: 20 requests of a client in five "
        "minutes)."
    )


def page(old: str, report: str) -> str:
    """Return the text of docs/deploying.md with the costs of this report."""
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text(report)}\n\n{END}{after}"


def main() -> None:
    """Print the costs or write them into docs/deploying.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them into docs/deploying.md")
    report = REPORT.read_text()
    if parser.parse_args().write:
        PAGE.write_text(page(PAGE.read_text(), report))
    else:
        print(text(report))  # noqa: T201


if __name__ == "__main__":
    main()
