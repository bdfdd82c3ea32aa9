"""From curves to what each column of dots has to show, computed anew only where points came in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.curves import MinMax, columns
from shareconsole.console.viewmodel.scale import Scale

Floats = NDArray[np.float64]
Values = NDArray[np.floating]


class ColumnCache:
    """The least and largest value per column of one growing curve, x from 0 to ``x_max``.

    A curve that only grew costs no more than its new points. Whether it did is told by the last
    point known before: where that is still the same, so is what came before it.
    """

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._x_max = -1.0
        self._count = 0
        self._last = (0, 0.0)
        self._found: MinMax | None = None
        self.gaps: NDArray[np.bool_] = np.zeros(0, np.bool_)
        """[C], which columns hold a value that is not a number."""

    def columns(self, steps: NDArray[np.int64], values: Values, x_max: float, n: int) -> MinMax:
        """Return what lies in each of ``n`` columns, and update ``gaps``."""
        old, first = self._found, 0
        if old is not None and self._grew(steps, values, x_max, n):
            # One column earlier, so that rounding at the seam can do no harm.
            first = max(0, int(self._last[0] / x_max * n) - 1)
        start = int(np.searchsorted(steps, math.ceil(x_max * first / n))) if first else 0
        found = columns(steps[start:], values[start:], x_max * first / n, x_max, n - first)
        gaps = _columns_of(steps[start:][np.isnan(values[start:])], x_max, n)
        if old is not None and first:
            found = MinMax(
                np.concatenate([old.lo[:first], found.lo]),
                np.concatenate([old.hi[:first], found.hi]),
                np.concatenate([old.above[:first], found.above]),
                np.concatenate([old.below[:first], found.below]),
            )
            gaps[:first] = self.gaps[:first]
        self._x_max, self._count, self._found, self.gaps = x_max, len(steps), found, gaps
        self._last = (int(steps[-1]), float(values[-1])) if len(steps) else (0, 0.0)
        return found

    def _grew(self, steps: NDArray[np.int64], values: Values, x_max: float, n: int) -> bool:
        count = self._count
        if self._found is None or len(self._found.lo) != n or self._x_max != x_max:
            return False
        if not 0 < count <= len(steps):
            return False
        step, value = self._last
        now = float(values[count - 1])
        return int(steps[count - 1]) == step and (now == value or (now != now and value != value))


def _columns_of(steps: NDArray[np.int64], x_max: float, n: int) -> NDArray[np.bool_]:
    found = np.zeros(n, np.bool_)
    found[np.clip((steps / x_max * n).astype(np.int64), 0, n - 1)] = True
    return found


def line_spans(
    found: MinMax,
    steps: NDArray[np.int64],
    values: Values,
    x_max: float,
    scale: Scale,
    breaks: Sequence[int] = (),
) -> tuple[Floats, Floats]:
    """Return where a line through all points starts and ends in each column, [C] each.

    Where columns outnumber points, the line runs straight from point to point; a point that has no
    place on the scale (NaN, or 0 on a logarithmic one) leaves a gap.

    Args:
        found: what lies in each column.
        steps: [N], ascending.
        values: [N].
        x_max: upper end of the x axis, which begins at 0.
        scale: the y axis.
        breaks: steps after which another line begins: they are not joined, and a column that holds
            the end of one and the beginning of the next shows the next.
    """
    lo, hi = area_spans(found, scale)
    n = len(lo)
    if len(steps) < 2:
        return lo, hi
    edges = np.arange(n + 1) * (x_max / n)
    # Whole numbers, or all steps would be copied to compare them with floats.
    right = np.searchsorted(steps, np.ceil(edges).astype(np.int64))
    inside = (right > 0) & (right < len(steps))
    right = np.where(inside, right, 1)
    before, after = steps[right - 1], steps[right]
    start, end = scale.positions(values[right - 1]), scale.positions(values[right])
    with np.errstate(invalid="ignore"):
        crossing = start + (end - start) * ((edges - before) / (after - before))
    crossing = np.where(inside, crossing, np.nan)
    entering, leaving = crossing[:-1].copy(), crossing[1:].copy()
    for first in np.searchsorted(steps, np.asarray(breaks, np.int64), side="right").tolist():
        if not 0 < first < len(steps):
            continue
        # No point lies at an edge between the two lines: what crosses there joins them.
        between = inside & (right == first)
        entering[between[:-1]] = leaving[between[1:]] = np.nan
        column = int(np.searchsorted(edges, steps[first], side="right")) - 1
        if 0 <= column < n and edges[column] <= steps[first - 1]:
            entering[column] = np.nan
            stop = int(np.searchsorted(steps, math.ceil(edges[column + 1])))
            places = scale.positions(values[first:stop])
            lo[column] = np.fmin.reduce(places, initial=np.nan)
            hi[column] = np.fmax.reduce(places, initial=np.nan)
    lo, hi = np.fmin(lo, np.fmin(entering, leaving)), np.fmax(hi, np.fmax(entering, leaving))
    return lo, hi


def area_spans(found: MinMax, scale: Scale) -> tuple[Floats, Floats]:
    """Return where the points of each column lie; what is too low for the scale reaches its end."""
    lo, hi = scale.positions(found.lo), scale.positions(found.hi)
    return np.where(np.isnan(lo) & np.isfinite(hi), 0.0, lo), hi
