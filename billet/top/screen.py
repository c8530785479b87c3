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
    wide: bool = False
    """Whether it is only shown if there is room for all columns."""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


COLUMNS = (
    Column("route", lambda row: row.route),
    Column("time %", lambda row: f"{row.time_percent:.0f}", "t", lambda row: row.time_percent),
    Column("req/s", lambda row: f"{row.rate:.1f}", "r", lambda row: row.rate),
    Column("p50", lambda row: _milliseconds(row.p50), wide=True),
    Column("p95", lambda row: _milliseconds(row.p95), "p", lambda row: row.p95),
    Column("p99", lambda row: _milliseconds(row.p99), "9", lambda row: row.p99, wide=True),
    Column("db %", lambda row: f"{row.db_percent:.0f}", "d", lambda row: row.db_percent),
    Column("cpu", lambda row: _milliseconds(row.cpu_ms), "u", lambda row: row.cpu_ms),
    Column("calls", lambda row: f"{row.calls:.1f}", "c", lambda row: row.calls),
    Column("rcu", lambda row: f"{row.rcu:.1f}"),
    Column("wcu", lambda row: f"{row.wcu:.1f}", wide=True),
    Column(
        "$/h",
        lambda row: f"{row.dollars_per_hour:.3f}",
        "$",
        lambda row: row.dollars_per_hour,
        True,
    ),
    Column("5xx", lambda row: _count(row.errors), "e", lambda row: row.errors),
    Column("4xx", lambda row: _count(row.client_errors), wide=True),
    Column("conflicts", lambda row: _count(row.conflicts), "o", lambda row: row.conflicts, True),
    Column("throttles", lambda row: _count(row.throttles), "h", lambda row: row.throttles, True),
)
SORT_KEYS = {column.key: column for column in COLUMNS if column.key}
DEFAULT_KEY = "t"
WIDE = 130
"""The width in characters that all columns need."""
NO_REQUESTS = "No requests in this time"
NO_CAUSE = "No likely cause: no rule of docs/runbook.md applies"

IDLE_SECONDS = 5.0
"""From here on, the time since the last request is shown."""
FEW_DATA = "Few data yet ({:,} requests); look again in 30 s"


def render(
    summary: Summary, key: str = DEFAULT_KEY, *, width: int = WIDE, live: bool = False
) -> RenderableType:
    """Return the table, with the causes under it.

    Args:
        key: the one of SORT_KEYS by which the rows are sorted.
        width: that of the terminal; below WIDE, some columns are omitted.
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
    columns = [one for one in COLUMNS if width >= WIDE or not one.wide]
    for column in columns:
        style = "bold underline" if column is chosen else "bold"
        is_route = column is COLUMNS[0]
        table.add_column(
            column.title,
            header_style=style,
            justify="left" if is_route else "right",
            overflow="fold" if is_route else "ellipsis",
            no_wrap=not is_route,
        )
    for row in sorted(rows, key=chosen.order, reverse=True):
        table.add_row(
            *(column.text(row) for column in columns), style="red" if row.errors else None
        )
    return table


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
    words = ["Likely cause", *["Also"] * (len(causes) - 1)]
    return [
        f"{word}: {cause.text} ({cause.runbook})" for word, cause in zip(words, causes, strict=True)
    ]


def _milliseconds(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 10 else f"{ms:.1f}"
