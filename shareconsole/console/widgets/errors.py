"""How every task stands on the test images, and how it got there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.errors import ErrorRow, ErrorTable
from shareconsole.console.widgets.panel import (
    Row,
    RowBuilder,
    blank_row,
    fitted,
    message_rows,
)
from shareconsole.console.widgets.scrolling import ScrollingPanel
from shareconsole.console.widgets.sparkline import spark

_NAME_CELLS = 22
_NUMBER_CELLS = 7
_LEAST_TREND = 4
_MOST_TREND = 32
_LEAST_ERROR = 0.05
"""Per cent; what is below counts as this, because 0 has no logarithm."""
_LEAST_RANGE = math.log(2)
"""A trend within a factor of two does not fill the height of its row."""


class ErrorPanel(ScrollingPanel, can_focus=True):
    """Per task its error, its best and its trend; the means, and the Rand index where known."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_rows(-1)", "Up", show=False, id="errors-up"),
        Binding("down,j", "scroll_rows(1)", "Down", show=False, id="errors-down"),
    ]

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._table: ErrorTable | None = None
        self.set_title("test error %")

    def show(self, table: ErrorTable | None) -> None:
        """Show a table; the same object again costs nothing."""
        if table is self._table:
            return
        self._table = table
        best_of = f", best of {table.stage}" if table is not None and table.stage else ""
        self.set_title(f"test error %{best_of}")
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The head, the tasks, the means, the Rand index."""
        table = self._table
        if table is None or not table.rows or not len(table.steps):
            return message_rows("no evaluation yet", width, height, self.palette)
        if height < 4:
            return [self._means_row(width), *self._task_rows(width, height - 1)]
        feet = self._feet(table, width, height - 1 - len(table.rows))
        room = height - 1 - len(feet)
        return [self._head_row(width, room), *self._task_rows(width, room), *feet]

    def _feet(self, table: ErrorTable, width: int, room: int) -> list[Row]:
        """The means as rows of the table where there is room for them, else in one row."""
        rand = [self._rand_row(width)] if table.rand_index else []
        if room >= 3 + len(rand):
            macro = ErrorRow("macro", table.macro, table.best_macro, table.macro_trend)
            micro = ErrorRow("micro", table.micro, None, ())
            means = [self._task_row(macro, width), self._task_row(micro, width, best=False)]
            gap = [blank_row(width)] if rand and room >= 5 else []
            return [blank_row(width), *means, *gap, *rand]
        return [self._means_row(width), *(rand if room >= 2 else [])]

    def _columns(self, width: int) -> tuple[int, int, int]:
        """Cells of the name, of the best error, of the trend; 0 for what has no room."""
        assert self._table is not None
        longest = max(5, *(cell_len(row.task) for row in self._table.rows))
        name = max(4, min(longest, _NAME_CELLS, width - _NUMBER_CELLS))
        left = width - name - _NUMBER_CELLS
        best = _NUMBER_CELLS if left >= _NUMBER_CELLS + 2 + _LEAST_TREND else 0
        trend = min(left - best - 2, _MOST_TREND)
        return name, best, trend if trend >= _LEAST_TREND else 0

    def _head_row(self, width: int, room: int) -> Row:
        assert self._table is not None
        quiet = self.palette.quiet
        name, best, trend = self._columns(width)
        total = len(self._table.rows)
        top = self._first(room)
        label = "task" if room >= total else f"{top + 1}-{top + room}/{total}"
        row = RowBuilder(width).add(fitted(label, name), quiet).to(name)
        row.add("now".rjust(_NUMBER_CELLS), quiet)
        if best:
            row.add("best".rjust(best), quiet)
        return row.add("  trend" if trend else "", quiet).row()

    def _first(self, room: int) -> int:
        assert self._table is not None
        self._top = max(0, min(self._top, len(self._table.rows) - room))
        return self._top

    def _task_rows(self, width: int, room: int) -> list[Row]:
        assert self._table is not None
        first = self._first(room)
        return [self._task_row(row, width) for row in self._table.rows[first : first + room]]

    def _task_row(self, row: ErrorRow, width: int, *, best: bool = True) -> Row:
        palette = self.palette
        name, best_cells, trend = self._columns(width)
        builder = RowBuilder(width)
        builder.add(fitted(row.task, name, ascii_only=palette.ascii)).to(name)
        odd = row.error is not None and row.error != row.error
        builder.add(_number(row.error), palette.error if odd else palette.strong)
        if best_cells:
            builder.add(_number(row.best) if best else " " * best_cells, palette.quiet)
        if trend:
            assert self._table is not None
            bars = _trend(row.trend, self._table.since, trend, palette)
            builder.add("  ").add(bars, palette.series(0))
        return builder.row()

    def _means_row(self, width: int) -> Row:
        assert self._table is not None
        table, palette = self._table, self.palette
        row = RowBuilder(width)
        for name, value in (("macro", table.macro), ("micro", table.micro)):
            row.add("   " if row.used else "").add(f"{name} ", palette.quiet)
            row.add(_number(value).strip(), palette.strong)
        if table.best_macro is not None:
            best = f"best macro {_number(table.best_macro).strip()}"
            if row.room >= len(best) + 3:
                row.add("   ").add(best, palette.quiet)
        return row.row()

    def _rand_row(self, width: int) -> Row:
        assert self._table is not None
        palette = self.palette
        row = RowBuilder(width).add("Rand index", palette.quiet)
        items = list(self._table.rand_index.items())
        for place, (unit, value) in enumerate(items):
            text = f"{value:.2f}"
            left = len(items) - place
            if row.room < 2 + cell_len(unit) + 1 + len(text) + (
                len(f"  +{left}") if left > 1 else 0
            ):
                row.add(f"  +{left}", palette.quiet)
                break
            row.add("  ").add(unit, palette.plain).add(" ").add(text, palette.strong)
        return row.row()


def _number(value: float | None) -> str:
    """Per cent with one decimal, right-aligned; ``-`` for None."""
    text = "-" if value is None else "nan" if value != value else f"{value:.1f}"
    return text.rjust(_NUMBER_CELLS)


def _trend(values: Sequence[float], since: Sequence[int], width: int, palette: Palette) -> str:
    """Bars of the logarithm, so that the first, untrained errors do not flatten all the others.

    An upright stands where a stage begins: its networks may be others than those before.
    """
    shown = min(len(values), width)
    while shown + len(starts := _starts(since, shown)) > width:
        shown -= 1
    logs = [math.log(max(v, _LEAST_ERROR)) if math.isfinite(v) else v for v in values]
    logs = logs[len(logs) - shown :]
    finite = [v for v in logs if math.isfinite(v)]
    low = min(finite, default=0.0)
    high = max([low + _LEAST_RANGE, *finite])
    bars = spark(logs, len(logs), palette, low=low, high=high)
    begins = "|" if palette.ascii else "┊"
    return begins.join(bars[first:last] for first, last in pairwise((0, *starts, shown)))


def _starts(since: Sequence[int], shown: int) -> list[int]:
    """Where stages begin within so many of the last evaluations."""
    return sorted({shown - count for count in since if 0 < count < shown})
