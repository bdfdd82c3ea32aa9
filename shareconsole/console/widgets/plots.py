"""How curves and bands are painted: their y axis, their lines, and the marks upon them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.band import Band
from shareconsole.console.viewmodel.curves import CurveSet, MinMax, Series
from shareconsole.console.viewmodel.scale import Scale, fit_scale
from shareconsole.console.viewmodel.stages import StageMark
from shareconsole.console.widgets.canvas import Canvas, Ink
from shareconsole.console.widgets.legend import LegendItem
from shareconsole.console.widgets.spans import ColumnCache, Floats, area_spans, line_spans

_MEAN = "mean"
_MARKER_EVERY = 28
"""Cells from one marker on a line to the next."""
_OFF_AXIS = 0.02
"""Share of the columns whose raw extremes may lie off the y axis; arrows point at them."""
_RAW_REACH = 0.1
"""How far below the smoothed values, as a factor, a logarithmic axis follows the raw ones."""


@dataclass(frozen=True)
class Picture:
    """What a plot needs beside its dots: the y axis, and the values to tick off along it."""

    scale: Scale
    rug: Floats | None = None


class CurvePlot:
    """Paints smoothed lines; the front one over the dim envelope of its raw values."""

    def __init__(self) -> None:
        """Starts without columns of earlier points."""
        self._raw: dict[int, ColumnCache] = {}
        self._smooth: dict[int, ColumnCache] = {}

    def paint(
        self, curves: CurveSet, canvas: Canvas, palette: Palette, *, log: bool, front: int | None
    ) -> Picture:
        """Paint curves on a blank canvas and return what goes around it."""
        series, n = curves.series, canvas.columns
        x_max = max(float(curves.x_max), 1.0)
        raw = [self._of(self._raw, i).columns(s.steps, s.raw, x_max, n) for i, s in _each(series)]
        smooth = [
            self._of(self._smooth, i).columns(s.steps, s.smooth, x_max, n) for i, s in _each(series)
        ]
        scale = _fit(smooth, raw, log=log)
        # The mean lends its envelope and lies behind the tasks, unless one is brought to the front.
        top = len(series) - 1 if front is None else min(front, len(series) - 1)
        looks = [_look(s, i, len(series), palette) for i, s in _each(series)]
        behind = series[top]
        begun = _begun(curves.stages, behind.steps)
        breaks = [stage.start for stage in begun]
        _paint_stages(canvas, begun, x_max, palette)
        lo, hi = line_spans(raw[top], behind.steps, behind.raw, x_max, scale, breaks)
        envelope = looks[top].envelope
        canvas.paint(lo, hi, envelope, stipple=True)
        order = list(reversed(range(len(series))))
        if front is not None:
            order = [i for i in order if i != top] + [top]
        spans = {}
        for i in order:
            steps, smoothed = series[i].steps, series[i].smooth
            spans[i] = line_spans(smooth[i], steps, smoothed, x_max, scale, breaks)
            canvas.paint(*spans[i], looks[i].line)
        for i in order:
            _mark_line(canvas, spans[i], looks[i], i, len(series))
            _mark_end(canvas, series[i].steps, series[i].smooth, x_max, scale, looks[i])
        for i in order:
            _mark_troubles(canvas, raw[i], self._raw[i].gaps, scale, looks[i], palette)
        _name_stages(canvas, begun, x_max, palette)
        return Picture(scale)

    def legend(self, curves: CurveSet, palette: Palette, front: int | None) -> list[LegendItem]:
        """One item per curve, the mean of all first."""
        series = curves.series
        looks = [_look(s, i, len(series), palette) for i, s in _each(series)]
        items = [
            LegendItem(look.marker, look.line.style, s.name, s.last, i == front)
            for look, (i, s) in zip(looks, _each(series), strict=True)
        ]
        # The mean leads: it must not be what has no room.
        return [*items[-1:], *items[:-1]] if _has_mean(series) else items

    @staticmethod
    def _of(caches: dict[int, ColumnCache], index: int) -> ColumnCache:
        return caches.setdefault(index, ColumnCache())


class BandPlot:
    """Paints the least to the largest value as an area, and the median as a line through it."""

    def __init__(self) -> None:
        """Starts without columns of earlier points."""
        self._lo, self._median, self._hi = ColumnCache(), ColumnCache(), ColumnCache()

    def paint(self, band: Band, canvas: Canvas, palette: Palette, *, log: bool) -> Picture:
        """Paint a band on a blank canvas and return what goes around it."""
        n, x_max = canvas.columns, max(float(band.x_max), 1.0)
        lo = self._lo.columns(band.steps, band.lo, x_max, n)
        median = self._median.columns(band.steps, band.median, x_max, n)
        hi = self._hi.columns(band.steps, band.hi, x_max, n)
        scale = _fit([median], [lo, hi], log=log)
        line = Ink(palette.series(0), palette.marker(0))
        area = Ink(palette.envelope(0), ":")
        begun = _begun(band.stages, band.steps)
        breaks = [stage.start for stage in begun]
        _paint_stages(canvas, begun, x_max, palette)
        bottom, _ = line_spans(lo, band.steps, band.lo, x_max, scale, breaks)
        _, top = line_spans(hi, band.steps, band.hi, x_max, scale, breaks)
        canvas.paint(
            np.where(np.isnan(bottom) & np.isfinite(top), 0.0, bottom), top, area, stipple=True
        )
        canvas.paint(*line_spans(median, band.steps, band.median, x_max, scale, breaks), line)
        look = _Look(line, area, palette.marker(0))
        _mark_end(canvas, band.steps, band.median, x_max, scale, look)
        _mark_troubles(canvas, hi, self._median.gaps, scale, look, palette)
        _name_stages(canvas, begun, x_max, palette)
        return Picture(scale, scale.positions(np.asarray(band.last_members, np.float64)))

    def legend(self, band: Band, palette: Palette) -> list[LegendItem]:
        """Where the newest step's population lies."""
        members = len(band.last_members)
        low, high = ("v", "^") if palette.ascii else ("▾", "▴")
        items = [
            LegendItem(palette.marker(0), palette.series(0), "median", _last(band.median)),
            LegendItem(low, palette.envelope(0), "lowest", _last(band.lo)),
            LegendItem(high, palette.envelope(0), "highest", _last(band.hi)),
        ]
        if members:
            items.append(LegendItem(member_mark(palette), palette.series(1), "members", members))
        return items


def member_mark(palette: Palette) -> str:
    """What stands for a member of the newest population: no glyph that lines are drawn with."""
    return "-" if palette.ascii else "╶"


@dataclass(frozen=True)
class _Look:
    line: Ink
    envelope: Ink
    marker: str


def _each(series: tuple[Series, ...]) -> Iterable[tuple[int, Series]]:
    return enumerate(series)


def _is_mean(last: Series, count: int) -> bool:
    return count > 1 and last.name == _MEAN


def _has_mean(series: tuple[Series, ...]) -> bool:
    return bool(series) and _is_mean(series[-1], len(series))


def _last(values: NDArray[np.floating]) -> float:
    return float(values[-1]) if len(values) else float("nan")


def _look(series: Series, index: int, count: int, palette: Palette) -> _Look:
    """The mean of several is neutral, so that the tasks keep the colours."""
    if index == count - 1 and _is_mean(series, count):
        marker = "=" if palette.ascii else "◇"
        return _Look(Ink(palette.strong, marker), Ink(palette.faint, "."), marker)
    marker = palette.marker(index)
    return _Look(Ink(palette.series(index), marker), Ink(palette.envelope(index), "."), marker)


def _fit(lines: list[MinMax], raw: list[MinMax], *, log: bool) -> Scale:
    """A y axis that holds all of the lines, and all but the rarest of the raw values."""
    low, high = _usable([m.lo for m in lines], log), _usable([m.hi for m in lines], log)
    raw_low, raw_high = _usable([m.lo for m in raw], log), _usable([m.hi for m in raw], log)
    lowest = [float(low.min())] if len(low) else []
    highest = [float(high.max())] if len(high) else []
    if len(raw_low):
        bottom = float(np.partition(raw_low, _rank(raw_low))[_rank(raw_low)])
        lowest.append(max(bottom, lowest[0] * _RAW_REACH) if log and lowest else bottom)
    if len(raw_high):
        place = len(raw_high) - 1 - _rank(raw_high)
        highest.append(float(np.partition(raw_high, place)[place]))
    return fit_scale(min(lowest, default=np.nan), max(highest, default=np.nan), log=log)


def _usable(parts: list[Floats], log: bool) -> Floats:
    values = np.concatenate(parts) if parts else np.empty(0)
    return values[np.isfinite(values) & ((values > 0) | (not log))]


def _rank(values: Floats) -> int:
    return int(len(values) * _OFF_AXIS)


def _begun(stages: Sequence[StageMark], steps: NDArray[np.int64]) -> list[StageMark]:
    """The stages that these steps reach; what has no steps in a stage ends where it begins."""
    return [stage for stage in stages if len(steps) and stage.start <= steps[-1]]


def _column_of(stage: StageMark, x_max: float, canvas: Canvas) -> int:
    return min(int(stage.start / x_max * canvas.columns), canvas.columns - 1)


def _paint_stages(
    canvas: Canvas, stages: Sequence[StageMark], x_max: float, palette: Palette
) -> None:
    """A dotted upright where each stage begins, behind everything else."""
    at = np.full(canvas.columns, np.nan)
    at[[_column_of(stage, x_max, canvas) for stage in stages]] = 0.0
    canvas.paint(at, at + 1.0, Ink(palette.faint, "|"), stipple=True)


def _name_stages(
    canvas: Canvas, stages: Sequence[StageMark], x_max: float, palette: Palette
) -> None:
    """The stages' names beside their uprights, at the bottom or the top, where nothing is drawn."""
    for stage in stages:
        if not stage.name.isascii():
            # Of a character beyond these nobody knows how many cells a terminal gives it.
            continue
        column = _column_of(stage, x_max, canvas) + 2 * canvas.dots_x
        ink = Ink(palette.quiet, " ")
        if not canvas.write(column, canvas.height - 1, stage.name, ink):
            canvas.write(column, 0, stage.name, ink)


def _mark_line(
    canvas: Canvas, spans: tuple[Floats, Floats], look: _Look, index: int, count: int
) -> None:
    """Markers along a line, so that it can be told from the others without colour."""
    if count < 2 or canvas.dots_x == 1:
        return
    first = 4 + index * _MARKER_EVERY // count
    for cell in range(first, canvas.width, _MARKER_EVERY):
        column = cell * canvas.dots_x
        canvas.mark(column, float(spans[0][column] + spans[1][column]) / 2, look.marker, look.line)


def _mark_end(
    canvas: Canvas,
    steps: NDArray[np.int64],
    values: NDArray[np.floating],
    x_max: float,
    scale: Scale,
    look: _Look,
) -> None:
    """The marker at the newest point that is a number."""
    last = len(values) - 1
    if last >= 0 and not np.isfinite(values[last]):
        finite = np.flatnonzero(np.isfinite(values))
        last = int(finite[-1]) if len(finite) else -1
    if last < 0:
        return
    column = min(int(steps[last] / x_max * canvas.columns), canvas.columns - 1)
    canvas.mark(column, scale.position(float(values[last])), look.marker, look.line)


def _mark_troubles(
    canvas: Canvas,
    raw: MinMax,
    gaps: NDArray[np.bool_],
    scale: Scale,
    look: _Look,
    palette: Palette,
) -> None:
    """Arrows at what lies above the plot, and error marks at infinities and NaN."""
    up, infinite, nan = ("^", "!", "x") if palette.ascii else ("↑", "∞", "×")  # noqa: RUF001
    error = Ink(palette.error, "!")
    _, top = area_spans(raw, scale)
    for column in np.flatnonzero(top > 1.0):
        canvas.mark(int(column), 1.0, up, look.line)
    for column in np.flatnonzero(raw.above):
        canvas.mark(int(column), 1.0, infinite, error)
    for column in np.flatnonzero(raw.below):
        canvas.mark(int(column), 0.0, infinite, error)
    for column in np.flatnonzero(gaps):
        canvas.mark(int(column), 0.0, nan, error)
