"""Write docs/performance.md from the results of `billet bench --json`.

python -m billet.benchmark.markdown_report < bench.json > docs/performance.md
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from billet.benchmark.report import ResultTable, format_cell

INTRODUCTION = """# Performance

Compare the ratios: they hold on other machines, milliseconds do not. All figures of a table come
from one run, which alternates between the compared variants in random order.
[scaling.md](scaling.md) explains what the figures mean for growth.

{machine}.

This file is generated. To update it, run:

    python -m billet bench {size}--json bench.json
    python -m billet.benchmark.markdown_report < bench.json > docs/performance.md"""

DESCRIPTIONS = {
    "baseline": """\
The handler of each endpoint in process, as Lambda calls it. The baselines are the calls of boto3
that do the same work on the same items, conditions included, and the same signed requests sent by
urllib3. The time above the raw requests is Python: botocore and urllib3 first, then PynamoDB's
expressions, then Chalice ([0012](decisions/0012-requests-by-shortcuts.md)).""",
    "http": """\
Requests through `billet serve`, sent by a separate process. The baselines are the same server with
a route that makes the same calls with bare boto3, and with a route that does nothing. One Python
process serves, so all connections share one core; the database and the load share the others.""",
    "growth": """\
The same requests in tables of different sizes. Calls and units must not grow. An offset reads
everything that it skips; a cursor costs the same everywhere.""",
    "cold": """\
Import and first request of the packaged zip in a new interpreter. The baselines are botocore as pip
installs it with one get_item, and the same with the parts of botocore that are in the zip.""",
    "cost": """\
Capacity units as the database counts them, and the price of a million requests.""",
    "lanes": """\
A page from 1, 4 and 16 lanes, and how much the design takes per second by DynamoDB's limits. The
raw Queries, sent in parallel by as many threads, slow down just as much, because the database
shares the cores.""",
}


def document(results: Mapping[str, Any]) -> str:
    """Return the Markdown document for the JSON that `billet bench --json` writes."""
    size = results["size"]
    tables = [ResultTable(**table) for table in results["tables"]]
    parts = [INTRODUCTION.format(machine=_machine(results["machine"]), size=size)]
    for section in dict.fromkeys(table.section for table in tables):
        command = f"    python -m billet bench {size}{section}"
        parts += [f"## {section}", DESCRIPTIONS[section], command]
        parts += ["\n".join(_lines(table)) for table in tables if table.section == section]
    return "\n\n".join(parts) + "\n"


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"Measured on {machine['day']}, with {machine['cores']} cores ({machine['machine']}) and "
        f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}, "
        "and DynamoDB Local on the same machine"
    )


def _lines(table: ResultTable) -> Iterator[str]:
    yield f"**{table.title}**"
    yield ""
    yield _row(table.columns)
    yield _row(["---", *["---:" for _ in table.columns[1:]]])
    for row in table.rows:
        yield _row([format_cell(cell) for cell in row])
    if table.note:
        yield f"\n{table.note[0].upper()}{table.note[1:]}."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(document(json.load(sys.stdin)), end="")  # noqa: T201
