"""What the curves of a plot are called, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.numerals import format_step, format_value
from shareconsole.console.widgets.panel import Row, RowBuilder, fitted

_GAPS = (3, 2, 1)
"""Cells between two items: the widest that leaves room for all, else the least."""
_NAME_CELLS = 24
_COUNT_CELLS = 5
_VALUE_CELLS = 7
"""What three digits of a loss take, however small it is: ``0.00213``, ``2.13e-4``."""


@dataclass(frozen=True)
class LegendItem:
    """One curve: its marker and style, its name, its newest value; ``front`` if it is on top.

    A value that is an integer is a count.
    """

    marker: str
    style: Style
    name: str
    value: float | int
    front: bool = False


def legend_rows(
    items: Sequence[LegendItem], width: int, max_rows: int, palette: Palette
) -> list[Row]:
    """Return at most ``max_rows`` rows; what does not fit is counted (``+12``)."""
    if not items or max_rows < 1 or width < 1:
        return []
    cells, gap, per_row = _measures(items, width, max_rows)
    name_cells = max(0, cells - 3 - _VALUE_CELLS)
    shown = _chosen(items, per_row * max_rows)
    rows = []
    for first in range(0, len(shown), per_row):
        row = RowBuilder(width)
        for place, index in enumerate(shown[first : first + per_row]):
            item = items[index]
            row.to(place * (cells + gap)).add(item.marker, item.style + Style(bold=True))
            name = fitted(item.name, name_cells, ascii_only=palette.ascii)
            row.add(" ").add(name, palette.strong if item.front else palette.plain)
            value = _value(item).rjust(_VALUE_CELLS)
            row.to(place * (cells + gap) + 2 + name_cells).add(" ")
            row.add(value, palette.strong if item.front else palette.quiet)
        missing = len(items) - len(shown)
        if missing and first + per_row >= len(shown):
            row.add(f" +{missing}", palette.quiet)
        rows.append(row.row())
    return rows


def legend_height(items: Sequence[LegendItem], width: int, max_rows: int) -> int:
    """How many rows ``legend_rows`` returns; their values make no difference."""
    if not items or max_rows < 1 or width < 1:
        return 0
    return min(max_rows, -(-len(items) // _measures(items, width, max_rows)[2]))


def _value(item: LegendItem) -> str:
    if isinstance(item.value, int):
        return format_step(item.value)
    return format_value(item.value, cells=_VALUE_CELLS)


def _measures(items: Sequence[LegendItem], width: int, max_rows: int) -> tuple[int, int, int]:
    """The cells of one item and of the gap to the next, and how many items stand in a row."""
    longest = max(min(_NAME_CELLS, cell_len(item.name)) for item in items)
    cells = min(width, 3 + longest + _VALUE_CELLS)
    for gap in _GAPS:
        per_row = max(1, (width + gap) // (cells + gap))
        if per_row * max_rows >= len(items):
            return cells, gap, per_row
    # The last row has to leave room for the count of what is missing.
    gap = _GAPS[-1]
    return cells, gap, max(1, (width - _COUNT_CELLS + gap) // (cells + gap))


def _chosen(items: Sequence[LegendItem], room: int) -> list[int]:
    """The items to show, in their order; the front one is always among them."""
    if len(items) <= room:
        return list(range(len(items)))
    front = next((index for index, item in enumerate(items) if item.front), 0)
    chosen = list(range(room))
    if front >= room:
        chosen[-1] = front
    return chosen
