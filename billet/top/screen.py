"""The table of `billet top` on a terminal."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from billet.top.causes import Cause
from billet.top.summary import Row, Summary


class Column(NamedTuple):
    """A column, and the key that sorts by it, if there is one."""

    title: str
    text: Callable[[Row], str]
    key: str = ""
    order: Callable[[Row], float] = lambda row: 0.0
    """The largest comes first."""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


COLUMNS = (
    Column("route", lambda row: row.route),
    Column("time %", lambda row: f"{row.time_percent:.0f}", "t", lambda row: row.time_percent),
    Column("req/s", lambda row: f"{row.rate:.1f}", "r", lambda row: row.rate),
    Column("p50", lambda row: milliseconds(row.p50)),
    Column("p95", lambda row: milliseconds(row.p95), "p", lambda row: row.p95),
    Column("p99", lambda row: milliseconds(row.p99), "9", lambda row: row.p99),
    Column("db %", lambda row: f"{row.db_percent:.0f}", "d", lambda row: row.db_percent),
    Column("cpu", lambda row: milliseconds(row.cpu_ms), "u", lambda row: row.cpu_ms),
    Column("calls", lambda row: f"{row.calls:.1f}", "c", lambda row: row.calls),
    Column("rcu", lambda row: f"{row.rcu:.1f}"),
    Column("wcu", lambda row: f"{row.wcu:.1f}"),
    Column(
        "$/h",
        lambda row: f"{row.dollars_per_hour:.3f}",
        "$",
        lambda row: row.dollars_per_hour,
    ),
    Column("5xx", lambda row: _count(row.errors), "e", lambda row: row.errors),
    Column("4xx", lambda row: _count(row.client_errors)),
    Column("conflicts", lambda row: _count(row.conflicts), "o", lambda row: row.conflicts),
    Column("throttles", lambda row: _count(row.throttles), "h", lambda row: row.throttles),
)
ROUTE = COLUMNS[0]
SORT_KEYS = {column.key: column for column in COLUMNS if column.key}
DEFAULT_KEY = "t"
FIRST = (
    *("p95", "p50", "throttles", "db %", "time %", "5xx", "req/s", "cpu", "p99", "conflicts"),
    *("calls", "rcu", "wcu", "4xx"),
)
"""The columns that a narrow terminal shows, those with priority first; then the others."""
GAP = 2
"""The characters between columns."""
WIDTH = 160
"""Has room for all columns."""
NO_REQUESTS = "No requests in this time"
NO_CAUSE = "No likely cause: no rule of docs/runbook.md applies"

IDLE_SECONDS = 5.0
"""From here on, the time since the last request is shown."""
FEW_DATA = "Few data yet ({:,} requests); look again in 30 s"


def render(
    summary: Summary, key: str = DEFAULT_KEY, *, width: int = WIDTH, live: bool = False
) -> RenderableType:
    """Return the table, with the causes under it.

    Args:
        key: the one of SORT_KEYS by which the rows are sorted.
        width: that of the terminal; columns without room are omitted.
        live: whether to show the keys that sort.
    """
    parts: list[RenderableType] = [
        _headline(summary),
        _table(summary.routes, key, width),
        *_causes(summary),
    ]
    if live:
        keys = "  ".join(f"{column.key} {column.title}" for column in SORT_KEYS.values())
        parts.append(Text(f"sort: {keys}   q quits", style="dim"))
    return Group(*parts)


def _headline(summary: Summary) -> Text:
    text = (
        f"{summary.requests:,} requests in {summary.seconds:,.0f} s, {summary.rate:,.1f} a second; "
        f"memory {_memory(summary)}"
    )
    if summary.idle_seconds >= IDLE_SECONDS:
        text += f"; last request {summary.idle_seconds:,.0f} s ago"
    return Text(text)


def _memory(summary: Summary) -> str:
    now = f"{summary.memory_mb:,.0f} MB a process"
    if not summary.memory_seconds:
        return now
    return f"{summary.memory_before_mb:,.0f} -> {now} in {summary.memory_seconds:.0f} s"


def _table(rows: Sequence[Row], key: str, width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    chosen = SORT_KEYS[key]
    columns = _with_room(rows, chosen, width)
    for column in columns:
        is_route = column is ROUTE
        table.add_column(
            column.title,
            header_style="bold underline" if column is chosen else "bold",
            justify="left" if is_route else "right",
            overflow="fold" if is_route else "ellipsis",
            no_wrap=not is_route,
        )
    for row in sorted(rows, key=chosen.order, reverse=True):
        table.add_row(
            *(column.text(row) for column in columns), style="red" if row.errors else None
        )
    return table


def _with_room(rows: Sequence[Row], chosen: Column, width: int) -> list[Column]:
    """Return the columns that fit beside whole routes, and the one that is sorted by."""
    shown: list[Column] = []
    for column in sorted(COLUMNS, key=lambda one: _priority(one, chosen)):
        width -= max(len(column.title), *(len(column.text(row)) for row in rows), 0) + GAP
        if width + GAP < 0 and len(shown) > 1:
            break
        shown.append(column)
    return [one for one in COLUMNS if one in shown]


def _priority(column: Column, chosen: Column) -> int:
    if column is ROUTE:
        return -2
    if column is chosen:
        return -1
    return FIRST.index(column.title) if column.title in FIRST else len(FIRST)


def _causes(summary: Summary) -> list[Text]:
    if not summary.requests:
        return [Text(NO_REQUESTS)]
    if not summary.causes and summary.few_data:
        return [Text(FEW_DATA.format(summary.requests))]
    if not summary.causes:
        return [Text(NO_CAUSE, style="green")]
    return [
        Text(line, style="yellow" if number == 0 else "")
        for number, line in enumerate(cause_lines(summary.causes))
    ]


def cause_lines(causes: Sequence[Cause]) -> list[str]:
    """Return a line of plain words for each cause, the likeliest first."""
    return [f"{_word(cause, causes)}: {cause.text} ({cause.runbook})" for cause in causes]


def _word(cause: Cause, causes: Sequence[Cause]) -> str:
    if cause is causes[0]:
        return "Likely cause"
    return "Probably its consequence" if cause.follows else "Also"


def milliseconds(ms: float) -> str:
    """Return a time in few characters: milliseconds, or seconds with their unit."""
    if ms >= 100_000:
        return f"{ms / 1000:,.0f} s"
    if ms >= 10_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms:,.0f}" if ms >= 10 else f"{ms:.1f}"
