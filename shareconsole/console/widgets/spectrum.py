"""The singular values of each layer as bars, the largest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.numerals import VALUE_CELLS, format_value
from shareconsole.console.viewmodel.spectrum import SpectrumView
from shareconsole.console.widgets.panel import (
    Row,
    RowBuilder,
    blank_row,
    fitted,
    message_rows,
)
from shareconsole.console.widgets.scrolling import ScrollingPanel
from shareconsole.console.widgets.trend import trend_row

_NAME_CELLS = 18
_FIGURES = 2 + VALUE_CELLS + 2 + VALUE_CELLS
_MOST_ROWS = 6
_MOST_BAR = 6


class SpectrumPanel(ScrollingPanel, can_focus=True):
    """Per layer a bar for each singular value, relative to its largest, and the effective rank."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_rows(-1)", "Up", show=False, id="spectrum-up"),
        Binding("down,j", "scroll_rows(1)", "Down", show=False, id="spectrum-down"),
    ]

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: SpectrumView | None = None
        self._shown = 0
        self.set_title("singular values")

    def show(self, view: SpectrumView | None) -> None:
        """Show a spectrum; the same object again costs nothing."""
        if view is self._view:
            return
        self._view = view
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The head, the layers, the mean effective rank over time."""
        view = self._view
        if view is None or not len(view.units) or not view.values.shape[1]:
            return message_rows("no spectrum yet", width, height, self.palette)
        feet = [self._rank_row(width)] if height >= 3 else []
        room = height - 1 - len(feet)
        # A blank row parts the layers as soon as they are more than one row tall.
        tall = max(1, min(_MOST_ROWS + 1, (room + 1) // len(view.units)))
        bars = tall if tall <= 2 and len(view.units) * tall <= room else max(1, tall - 1)
        gap = 1 if tall > 2 else 0
        self._shown = max(1, min(len(view.units), (room + gap) // (bars + gap)))
        self._top = max(0, min(self._top, len(view.units) - self._shown))
        rows = [self._head_row(width)]
        for unit in range(self._top, self._top + self._shown):
            rows += self._layer(unit, bars, width) + [blank_row(width)] * gap
        rows = rows[: height - len(feet)]
        return [*rows, *[blank_row(width)] * (height - len(rows) - len(feet)), *feet]

    def _columns(self, width: int) -> tuple[int, int]:
        """Cells of the name, and of the bars; 0 for bars without room."""
        assert self._view is not None
        longest = max(5, *(cell_len(unit) for unit in self._view.units))
        name = min(longest, _NAME_CELLS, max(1, width // 3))
        return name, max(0, width - name - 2 - _FIGURES)

    def _head_row(self, width: int) -> Row:
        assert self._view is not None
        quiet, ascii_only = self.palette.quiet, self.palette.ascii
        total = len(self._view.units)
        name, room = self._columns(width)
        label = f"{self._top + 1}-{self._top + self._shown}/{total}"
        row = RowBuilder(width).add(
            fitted("" if self._shown == total else label, name, ascii_only=ascii_only), quiet
        )
        row.to(name + 2).add(
            fitted("largest first, % of the largest", room, ascii_only=ascii_only), quiet
        )
        row.to(name + 2 + room)
        return row.add("  " + "max".rjust(VALUE_CELLS) + "  " + "rank".rjust(6), quiet).row()

    def _layer(self, unit: int, tall: int, width: int) -> list[Row]:
        """The rows of one layer; its name and its figures stand at the foot of the bars."""
        view, palette = self._view, self.palette
        assert view is not None
        name, room = self._columns(width)
        values = [abs(value) for value in view.values[unit].tolist()]
        largest = max((value for value in values if math.isfinite(value)), default=0.0)
        rows = []
        for part in range(tall):
            row = RowBuilder(width)
            if part == tall - 1:
                row.add(fitted(view.units[unit], name, ascii_only=palette.ascii))
            row.to(name + 2)
            row.add(_bars(values, largest, room, tall - 1 - part, tall, palette), palette.series(0))
            row.to(name + 2 + room)
            if part == tall - 1:
                row.add("  ").add(format_value(values[0]).rjust(VALUE_CELLS), palette.quiet)
                rank = float(view.ranks[unit])
                shown = "-" if rank != rank else f"{rank:.2f}"
                row.add("  ").add(shown.rjust(VALUE_CELLS), palette.strong)
            rows.append(row.row())
        return rows

    def _rank_row(self, width: int) -> Row:
        assert self._view is not None
        history = self._view.mean_ranks.tolist()
        value = f"{history[-1]:.2f}" if history else "-"
        unit = f" of {self._view.values.shape[1]}"
        return trend_row(
            "mean effective rank", history, value, unit, width, self.palette, low=1.0
        ).row()


def _bars(
    values: Sequence[float], largest: float, room: int, level: int, tall: int, palette: Palette
) -> str:
    """One row of the bars; ``level`` rows are below it. Bars without room are left out."""
    if not values or room < 1:
        return ""
    wide = max(1, min(_MOST_BAR, room // len(values)))
    gap = 1 if wide > 1 else 0
    glyphs = (*palette.blocks, "#" if palette.ascii else "█")
    shown = []
    for value in values[: room // wide]:
        if not math.isfinite(value):
            shown.append(("?" if level == 0 else " ") * (wide - gap) + " " * gap)
            continue
        eighths = value / largest * tall * (len(glyphs) - 1) if largest > 0 else 0.0
        # What is there at all leaves a trace.
        least = 1 if level == 0 and value > 0 else 0
        filled = min(max(round(eighths) - level * (len(glyphs) - 1), least), len(glyphs) - 1)
        shown.append(glyphs[filled] * (wide - gap) + " " * gap)
    return "".join(shown)
