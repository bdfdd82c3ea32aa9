"""Curves, or the band of a population, over the steps of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.band import Band
from shareconsole.console.viewmodel.curves import CurveSet
from shareconsole.console.widgets.axes import GUTTER, bottom_ruler, gutter, left_ruler
from shareconsole.console.widgets.canvas import Canvas
from shareconsole.console.widgets.legend import LegendItem, legend_height, legend_rows
from shareconsole.console.widgets.panel import Panel, Row, message_rows
from shareconsole.console.widgets.plots import BandPlot, CurvePlot, Picture, member_mark

_RUG = 2
"""Cells of the members' dashes, with the blank that sets them apart from the plot."""
_PLAIN_WIDTH = 3 * GUTTER
"""Narrower plots have no left ruler."""


@dataclass(frozen=True)
class _Drawn:
    canvas: Canvas
    sides: list[Row]
    rows: list[Row]


class Chart(Panel):
    """A plot with rulers and a legend. Shows what ``show`` was last given.

    Curves are smoothed lines, the front one over the dim envelope of its raw values. A band is the
    population's least to largest fitness with the median through it; while there is a population,
    the last step's members are dashes along the y axis, apart from the plot.
    """

    DEFAULT_CSS = """
    Chart {
        min-height: 1;
    }
    """

    def __init__(
        self,
        title: str = "",
        *,
        empty: str = "no data yet",
        unit: str = "step",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Starts without data.

        Args:
            title: shown in the border; by default the title that the curves bring along.
            empty: what stands in the middle while there is nothing to draw.
            unit: what the x axis counts.
            name: as for every widget.
            id: as for every widget.
            classes: as for every widget.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._what = title
        self._empty = empty
        self._unit = unit
        self._curves: CurveSet | Band | None = None
        self._log_y = False
        self._front: int | None = None
        self._curve_plot = CurvePlot()
        self._band_plot = BandPlot()
        self._before: _Drawn | None = None
        self._write_title()

    @property
    def log_y(self) -> bool:
        """Whether the y axis is logarithmic."""
        return self._log_y

    @log_y.setter
    def log_y(self, value: bool) -> None:
        self._log_y = value
        self._write_title()
        self.redraw()

    @property
    def front(self) -> int | None:
        """The series that was brought to the front; None for the usual order."""
        return self._front

    def show(self, curves: CurveSet | Band | None) -> None:
        """Show curves or a band; the same object again costs nothing."""
        if curves is self._curves:
            return
        self._curves = curves
        self._write_title()
        self.redraw()

    def toggle_log_y(self) -> None:
        """Switch between a linear and a logarithmic y axis."""
        self.log_y = not self._log_y

    def cycle_front(self) -> None:
        """Bring the next series to the front; after the last one comes the usual order again."""
        if not isinstance(self._curves, CurveSet) or not self._curves.series:
            return
        following = 0 if self._front is None else self._front + 1
        self._front = following if following < len(self._curves.series) else None
        self.redraw()

    def _write_title(self) -> None:
        own = self._curves.title if isinstance(self._curves, CurveSet) else ""
        parts = [part for part in (self._what or own, "log y" if self._log_y else "") if part]
        self.set_title(", ".join(parts))

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The legend, the plot with its left ruler, the bottom ruler."""
        palette, curves = self.palette, self._curves
        if curves is None or not _has_points(curves):
            self._before = None
            return message_rows(self._empty, width, height, palette)
        left = GUTTER if width >= _PLAIN_WIDTH else 0
        rug = _RUG if left and isinstance(curves, Band) and curves.last_members else 0
        ruler = 2 if height >= 9 else 1 if height >= 5 else 0
        room = height // 6 if height >= 12 else 1 if height >= 4 else 0
        legend = self._legend(curves, palette)
        above = legend_height(legend, width, room)
        canvas = Canvas(width - left - rug, height - ruler - above, ascii_only=palette.ascii)
        if isinstance(curves, Band):
            picture = self._band_plot.paint(curves, canvas, palette, log=self._log_y)
        else:
            picture = self._curve_plot.paint(
                curves, canvas, palette, log=self._log_y, front=self._front
            )
        sides = self._sides(picture, canvas, rug, palette, left)
        return [
            *legend_rows(legend, width, above, palette),
            *self._plot_rows(canvas, sides),
            *bottom_ruler(
                curves.x_max, canvas.width, left + rug, ruler, self._unit, palette, gap=rug
            ),
        ]

    def _legend(self, curves: CurveSet | Band, palette: Palette) -> list[LegendItem]:
        if isinstance(curves, Band):
            return self._band_plot.legend(curves, palette)
        return self._curve_plot.legend(curves, palette, self._front)

    def _sides(
        self, picture: Picture, canvas: Canvas, rug: int, palette: Palette, left: int
    ) -> list[Row]:
        """The left ruler, row by row, with the last members' dashes; nothing if it has no room."""
        if not left:
            return [()] * canvas.height
        labels = left_ruler(picture.scale, canvas)
        dashes: list[Row] = [()] * canvas.height
        if rug and picture.rug is not None:
            inside = picture.rug[(picture.rug >= 0.0) & (picture.rug <= 1.0)]
            held = {canvas.row_of(place) for place in inside.tolist()}
            dash = Segment(f"{member_mark(palette)} ", palette.series(1))
            blank = Segment(" " * rug, palette.plain)
            dashes = [(dash if y in held else blank,) for y in range(canvas.height)]
        return [
            (Segment(gutter(labels.get(y), palette), palette.quiet), *dashes[y])
            for y in range(canvas.height)
        ]

    def _plot_rows(self, canvas: Canvas, sides: list[Row]) -> list[Row]:
        """The rows of the plot; those that look as before are the same objects as before."""
        before = self._before
        if before is None or len(before.sides) != len(sides):
            rows = [(*side, *canvas.row(y)) for y, side in enumerate(sides)]
        else:
            rows = list(before.rows)
            stale = set(canvas.changed_rows(before.canvas))
            stale.update(y for y, side in enumerate(sides) if side != before.sides[y])
            for y in stale:
                rows[y] = (*sides[y], *canvas.row(y))
        self._before = _Drawn(canvas, sides, rows)
        return rows


def _has_points(curves: CurveSet | Band) -> bool:
    if isinstance(curves, Band):
        return len(curves.steps) > 0
    return any(len(series.steps) for series in curves.series)
