"""A row of small bars for a short history."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shareconsole.console.palette import Palette
from shareconsole.console.widgets.panel import Panel, Row, RowBuilder

_GAP = "?"


def spark(
    values: Sequence[float],
    width: int,
    palette: Palette,
    *,
    low: float | None = None,
    high: float | None = None,
) -> str:
    """Return at most ``width`` glyphs, one per value or one per group of neighbours' mean.

    A value that is not finite gives ``?``. Values that are all the same give a flat line in the
    middle.

    Args:
        values: the history, oldest first.
        width: cells to fill at most.
        palette: says which glyphs the terminal has.
        low: what the lowest bar stands for; the smallest value by default.
        high: what the full bar stands for; the largest value by default.
    """
    if width < 1 or not len(values):
        return ""
    points = _means(values, width)
    finite = [value for value in points if math.isfinite(value)]
    bottom = low if low is not None else min(finite, default=0.0)
    top = high if high is not None else max(finite, default=0.0)
    steps = palette.blocks[1:]
    if top <= bottom:
        return "".join(steps[len(steps) // 2] if math.isfinite(v) else _GAP for v in points)
    shown = []
    for value in points:
        if not math.isfinite(value):
            shown.append(_GAP)
            continue
        share = min(max((value - bottom) / (top - bottom), 0.0), 1.0)
        shown.append(steps[min(int(share * len(steps)), len(steps) - 1)])
    return "".join(shown)


def _means(values: Sequence[float], width: int) -> list[float]:
    """At most ``width`` values; groups are of one size, so that old bars stay as they are."""
    group = 1
    while len(values) > width * group:
        group *= 2
    return [
        sum(float(v) for v in values[start : start + group]) / len(values[start : start + group])
        for start in range(0, len(values), group)
    ]


class Sparkline(Panel):
    """One row: a label, bars, and the newest value as text."""

    DEFAULT_CSS = """
    Sparkline {
        height: 1;
    }
    """

    def __init__(
        self,
        label: str = "",
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Starts empty."""
        super().__init__(name=name, id=id, classes=classes)
        self._label = label
        self._values: Sequence[float] = ()
        self._text = ""

    def show(self, values: Sequence[float], text: str = "") -> None:
        """Show a history.

        Args:
            values: oldest first.
            text: what stands right of the bars, such as the newest value with its unit.
        """
        self._values, self._text = values, text
        self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """The label, the bars, the text."""
        palette = self.palette
        row = RowBuilder(width)
        if self._label:
            row.add(self._label, palette.quiet).add(" ")
        room = row.room - len(self._text) - 1
        row.add(spark(self._values, room, palette), palette.series(0))
        return [row.add(" ").add(self._text, palette.strong).row()] * min(1, height)
