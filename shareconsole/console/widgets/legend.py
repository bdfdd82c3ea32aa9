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
    rows = []
    placed = _placed(items, width, max_rows)
    missing = len(items) - sum(map(len, placed))
    for places in placed:
        row = RowBuilder(width)
        for index, start, name_cells in places:
            item = items[index]
            row.to(start).add(item.marker, item.style + Style(bold=True))
            name = fitted(item.name, name_cells, ascii_only=palette.ascii)
            row.add(" ").add(name, palette.strong if item.front else palette.plain)
            row.to(start + 2 + name_cells).add(" ").add(
                _value(item).rjust(_VALUE_CELLS), palette.strong if item.front else palette.quiet
            )
        if missing and places is placed[-1]:
            row.add(f" +{missing}", palette.quiet)
        rows.append(row.row())
    return rows


def legend_height(items: Sequence[LegendItem], width: int, max_rows: int) -> int:
    """How many rows ``legend_rows`` returns; their values make no difference."""
    return len(_placed(items, width, max_rows)) if max_rows > 0 and width > 0 else 0


def _value(item: LegendItem) -> str:
    if isinstance(item.value, int):
        return format_step(item.value)
    return format_value(item.value, cells=_VALUE_CELLS)


_Place = tuple[int, int, int]
"""Which item, the column where it begins, the cells of its name."""


def _placed(items: Sequence[LegendItem], width: int, max_rows: int) -> list[list[_Place]]:
    """Where each item stands: below one another if all have room so, else as close as they go."""
    if not items:
        return []
    most = max(0, width - 3 - _VALUE_CELLS)
    names = [min(_NAME_CELLS, most, cell_len(item.name)) for item in items]
    everyone = list(range(len(items)))
    for cells in ([max(names)] * len(names), names):
        for gap in _GAPS:
            rows = _rows_of(everyone, cells, gap, width)
            if len(rows) <= max_rows:
                return rows
    for room in range(len(items) - 1, 0, -1):
        rows = _rows_of(_chosen(items, room), names, _GAPS[-1], width)
        _, start, cells_of_last = rows[-1][-1]
        end = start + cells_of_last + 3 + _VALUE_CELLS
        # The last row has to leave room for the count of what is missing.
        if len(rows) <= max_rows and (end + _COUNT_CELLS <= width or room == 1):
            return rows
    return rows[:max_rows]


def _rows_of(
    shown: Sequence[int], names: Sequence[int], gap: int, width: int
) -> list[list[_Place]]:
    """Put items side by side until a row is full."""
    rows: list[list[_Place]] = [[]]
    start = 0
    for index in shown:
        cells = names[index] + 3 + _VALUE_CELLS
        if rows[-1] and start + cells > width:
            rows.append([])
            start = 0
        rows[-1].append((index, start, names[index]))
        start += cells + gap
    return rows


def _chosen(items: Sequence[LegendItem], room: int) -> list[int]:
    """The items to show, in their order; the front one is always among them."""
    if len(items) <= room:
        return list(range(len(items)))
    front = next((index for index, item in enumerate(items) if item.front), 0)
    chosen = list(range(room))
    if front >= room:
        chosen[-1] = front
    return chosen
