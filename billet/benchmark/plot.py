"""A picture of the ratios."""

from collections.abc import Sequence
from pathlib import Path

from billet.benchmark.report import Table


def draw(tables: Sequence[Table], file: Path) -> None:
    """Draws, for each table, the first column of ratios as bars, with the floor as a line at 1."""
    from matplotlib.figure import Figure

    shown = [(table, ratio) for table in tables if (ratio := _ratio(table)) is not None]
    heights = [max(2.0, 0.28 * len(table.rows)) for table, _ in shown]
    figure = Figure(figsize=(10, sum(heights) + 1), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (table, ratio) in zip(axes, shown, strict=True):
        rows = [row for row in table.rows if row[ratio] is not None]
        labels = [" ".join(map(str, row[:ratio])) for row in rows]
        axis.barh(labels, [row[ratio] for row in rows])
        axis.axvline(1, color="black", linewidth=0.8)
        axis.invert_yaxis()
        axis.set_title(f"{table.title} ({table.columns[ratio]})", loc="left")
    figure.savefig(file, dpi=120)


def _ratio(table: Table) -> int | None:
    return next((at for at, name in enumerate(table.columns) if "÷" in name), None)
