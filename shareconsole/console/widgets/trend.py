"""The last row of a map: one number over time, and what the shades mean."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from shareconsole.console.palette import Palette, Shade
from shareconsole.console.widgets.panel import RowBuilder
from shareconsole.console.widgets.sparkline import spark

_TREND_CELLS = 24
_GAP = 3


def trend_row(
    label: str,
    history: Sequence[float],
    value: str,
    unit: str,
    width: int,
    palette: Palette,
    *,
    low: float | None = None,
) -> RowBuilder:
    """Return a row with a label, bars, the newest value and its unit.

    Args:
        label: what it is.
        history: oldest first.
        value: the newest, as text.
        unit: stands right of the value, its blank included.
        width: of the row.
        palette: to draw with.
        low: what the lowest bar stands for; the smallest value by default.
    """
    room = min(_TREND_CELLS, width - cell_len(label) - cell_len(value) - cell_len(unit) - 2)
    row = RowBuilder(width).add(f"{label} ", palette.quiet)
    row.add(spark(history, room, palette, low=low), palette.series(0)).add(" ")
    return row.add(value, palette.strong).add(unit, palette.quiet)


def add_scale(
    row: RowBuilder, before: str, shades: Sequence[Shade], after: str, palette: Palette
) -> RowBuilder:
    """Put shades between two texts at the end of a row; nothing where they have no room."""
    cells = cell_len(before) + len(shades) + cell_len(after)
    if row.room >= cells + _GAP:
        row.to(row.width - cells).add(before, palette.quiet)
        for shade in shades:
            row.add(shade.left, shade.style)
        row.add(after, palette.quiet)
    return row
