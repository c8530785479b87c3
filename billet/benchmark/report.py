"""What the sections find: tables, for a terminal and for a file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import rich.box
import rich.table
from rich.console import Console

Cell = str | int | float | None


@dataclass
class Table:
    """Numbers with their names. Floats are ratios or figures of which three digits count."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    section: str = ""

    def show(self, console: Console) -> None:
        """Prints it."""
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
            table.add_row(*map(shown, row))
        console.print(table)

    def column(self, name: str) -> list[Any]:
        """The cells of a column; none where there is no such column."""
        at = [at for at, column in enumerate(self.columns) if column == name]
        return [row[at[0]] for row in self.rows] if at else []

    def as_dict(self) -> dict[str, Any]:
        """What goes into the JSON file."""
        return asdict(self)


def shown(cell: Cell) -> str:
    """A cell as text: floats with three digits or two decimals, nothing as nothing."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
    return "" if cell is None else str(cell)


def ms(seconds: float) -> float:
    """Milliseconds."""
    return seconds * 1000
