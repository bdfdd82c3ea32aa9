"""The rulers left of a plot and below it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.numerals import VALUE_CELLS, format_step
from shareconsole.console.viewmodel.scale import LinearScale, Scale, nice_ticks
from shareconsole.console.widgets.canvas import Canvas
from shareconsole.console.widgets.panel import Row, RowBuilder

GUTTER = VALUE_CELLS + 2
"""Cells left of the plot: a label, a space, the axis."""
_ROWS_PER_TICK = 2
_MOST_TICKS = 7
_CELLS_PER_TICK = 14


@dataclass(frozen=True)
class Glyphs:
    """What rulers are made of."""

    upright: str
    tick: str
    corner: str
    level: str
    down: str


_LINES = Glyphs("│", "┤", "└", "─", "┬")
_ASCII = Glyphs("|", "+", "+", "-", "+")


def glyphs(palette: Palette) -> Glyphs:
    """The pieces that a terminal can show."""
    return _ASCII if palette.ascii else _LINES


def left_ruler(scale: Scale, canvas: Canvas) -> dict[int, str]:
    """Return the label of each row of the plot that has one."""
    labels: dict[int, str] = {}
    for tick in scale.ticks(min(max(2, canvas.height // _ROWS_PER_TICK), _MOST_TICKS)):
        if 0.0 <= tick.position <= 1.0:
            labels.setdefault(canvas.row_of(tick.position), tick.label)
    return labels


def gutter(label: str | None, palette: Palette) -> str:
    """One row of the left ruler."""
    pieces = glyphs(palette)
    text = label or ""
    space = " " * (VALUE_CELLS - cell_len(text))
    return f"{space}{text} {pieces.upright if label is None else pieces.tick}"


def bottom_ruler(
    x_max: float,
    plot_width: int,
    left: int,
    rows: int,
    unit: str,
    palette: Palette,
    *,
    gap: int = 0,
) -> list[Row]:
    """Return ``rows`` (0 to 2) rows below a plot that starts at column ``left``.

    Two rows are a line with ticks and its labels, one row is the labels alone. ``gap``: cells
    between the left ruler and the plot.
    """
    if rows < 1:
        return []
    pieces = glyphs(palette)
    scale = LinearScale(0.0, x_max)
    width = left + plot_width
    line = list(pieces.level * plot_width)
    labels = RowBuilder(width)
    if left > cell_len(unit) + 1:
        labels.to(left - 2 - cell_len(unit)).add(unit, palette.quiet)
    for value in nice_ticks(0.0, x_max, max(2, plot_width // _CELLS_PER_TICK + 1)):
        position = scale.position(value)
        if not 0.0 <= position <= 1.0:
            continue
        cell = min(int(position * plot_width), plot_width - 1)
        text = format_step(value)
        start = left + cell - (len(text) - 1) // 2
        start = max(0, min(start, width - len(text)))
        if start < labels.used + (1 if labels.used else 0):
            continue
        labels.to(start).add(text, palette.quiet)
        line[cell] = pieces.down
    if rows == 1:
        return [labels.row()]
    axis = RowBuilder(width)
    if left:
        axis.to(left - gap - 1).add(pieces.corner + pieces.level * gap, palette.quiet)
    axis.add("".join(line), palette.quiet)
    return [axis.row(), labels.row()]
