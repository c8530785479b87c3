"""docs/performance.md, from what a run wrote with --json:

python -m billet.benchmark.performance < bench.json > docs/performance.md
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from billet.benchmark.report import Table, shown

HEAD = """# Performance

Ratios first: they hold from one machine to another, milliseconds do not. Everything in a table
ran side by side in one run, in an order shuffled for each round. What the figures mean for growth
is told in [scaling.md](scaling.md).

{machine}.

This file is written, not edited:

    python -m billet bench {size}--json bench.json
    python -m billet.benchmark.performance < bench.json > docs/performance.md"""

SAYS = {
    "floor": """\
Each endpoint's handler in process, as Lambda calls it, next to the calls of boto3 that do the
same work on the same items, conditions included, and to the same signed requests sent by
urllib3 alone. What is above the raw requests is Python: botocore's way to a request and
urllib3's to a reply, then PynamoDB's expressions, then Chalice
([0012](decisions/0012-requests-by-shortcuts.md)).""",
    "http": """\
Through `billet serve`, the load made by a process apart, next to the same server with bare
boto3 calls in its route, and with a route that does nothing. One process of Python serves, so
that more connections than one share one core, and the database and the load share the others.""",
    "growth": """\
The same requests in tables of different sizes. Calls and units must not grow at all. An offset
costs what it skips; a cursor costs the same everywhere.""",
    "cold": """\
The packaged zip in a new interpreter: import and first request, next to botocore as pip
installs it with one get_item, and to the same with what the zip has left of botocore.""",
    "cost": """\
Capacity units as the database counts them, and what a million requests cost.""",
    "lanes": """\
A page over 1, 4 and 16 lanes, and by DynamoDB's limits what the design takes a second. The raw
Queries, sent at once by as many threads, slow down just as much: here the database shares the
cores.""",
}


def document(content: Mapping[str, Any]) -> str:
    """The document that tells of the tables in a JSON file of `billet bench`."""
    head = HEAD.format(machine=_machine(content["machine"]), size=content["size"])
    tables = [Table(**table) for table in content["tables"]]
    parts = [head]
    for section in dict.fromkeys(table.section for table in tables):
        command = f"    python -m billet bench {content['size']}{section}"
        parts += [f"## {section}", SAYS[section], command]
        parts += ["\n".join(_lines(table)) for table in tables if table.section == section]
    return "\n\n".join(parts) + "\n"


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"Measured on {machine['day']}, with {machine['cores']} cores ({machine['machine']}) and "
        f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}, "
        "and DynamoDB Local on the same machine"
    )


def _lines(table: Table) -> Iterator[str]:
    yield f"**{table.title}**"
    yield ""
    yield _row(table.columns)
    yield _row(["---", *["---:" for _ in table.columns[1:]]])
    for row in table.rows:
        yield _row([shown(cell) for cell in row])
    if table.note:
        yield f"\n{table.note[0].upper()}{table.note[1:]}."


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(document(json.load(sys.stdin)), end="")  # noqa: T201
