"""Result tables of the benchmarks: on the terminal, as JSON and as a chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich.box
import rich.table
from rich.console import Console

Cell = str | int | float | None


@dataclass
class ResultTable:
    """Rows of figures. A float is a ratio or a measurement; its first three digits count."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    section: str = ""

    def print(self, console: Console) -> None:
        """Print the table on the terminal."""
        table = rich.table.Table(
            title=self.title,
            caption=self.note or None,
            title_justify="left",
            caption_justify="left",
            box=rich.box.SIMPLE_HEAD,
        )
        for number, column in enumerate(self.columns):
            table.add_column(
                column, justify="left" if number == 0 else "right", no_wrap=number == 0
            )
        for row in self.rows:
            table.add_row(*map(format_cell, row))
        console.print(table)

    def column(self, name: str) -> list[Any]:
        """Return the cells of a column, or an empty list if there is no such column."""
        if name not in self.columns:
            return []
        position = list(self.columns).index(name)
        return [row[position] for row in self.rows]


def format_cell(cell: Cell) -> str:
    """Return a cell's text: a float without decimals from 100, else with two."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
    return "" if cell is None else str(cell)


def to_ms(seconds: float) -> float:
    """Convert seconds to milliseconds."""
    return seconds * 1000


def draw_chart(tables: Sequence[ResultTable], file: Path) -> None:
    """Draw the first column of ratios of each table as bars, with a line at 1."""
    from matplotlib.figure import Figure

    charts = [(table, column) for table in tables if (column := _ratio_column(table)) is not None]
    heights = [max(2.0, 0.28 * len(table.rows)) for table, _ in charts]
    figure = Figure(figsize=(10, sum(heights) + 1), layout="constrained")
    axes = figure.subplots(len(charts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (table, column) in zip(axes, charts, strict=True):
        rows = [row for row in table.rows if row[column] is not None]
        labels = [" ".join(map(str, row[:column])) for row in rows]
        axis.barh(labels, [row[column] for row in rows])
        axis.axvline(1, color="black", linewidth=0.8)
        axis.invert_yaxis()
        axis.set_title(f"{table.title} ({table.columns[column]})", loc="left")
    figure.savefig(file, dpi=120)


def _ratio_column(table: ResultTable) -> int | None:
    return next((at for at, name in enumerate(table.columns) if "÷" in name), None)
