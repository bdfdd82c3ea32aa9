"""Curves: smoothing as points arrive, and the least and largest value in each column of dots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shareconsole.console.viewmodel.stages import StageMark

ALPHA = 0.98
"""How much of the smoothed value stays at each point."""
_BLOCK = 64
_INT64 = np.iinfo(np.int64)

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class MinMax:
    """What lies in each of C columns of an axis.

    Attributes:
        lo, hi: [C] float64, the least and the largest finite value; NaN where there is none.
        above, below: [C] bool, whether the column holds +inf, -inf.
    """

    lo: NDArray[np.float64]
    hi: NDArray[np.float64]
    above: NDArray[np.bool_]
    below: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Series:
    """One curve of N points. Arrays are contiguous, read-only and never change.

    Attributes:
        name: safe text.
        steps: [N] int64, ascending.
        raw: [N] float32 or float64; NaN and infinities as they were logged.
        smooth: [N] like ``raw``, its exponential moving average, which begins anew with each stage
            of the run; NaN where ``raw`` is not finite.
    """

    name: str
    steps: NDArray[np.int64]
    raw: Floats
    smooth: Floats

    @property
    def last(self) -> float:
        """The last smoothed value; NaN if there is none."""
        return float(self.smooth[-1]) if len(self.smooth) else math.nan


@dataclass(frozen=True, eq=False)
class CurveSet:
    """Curves over the same steps.

    Attributes:
        series: one per task in the order of the log, then "mean" where there are several.
        title: safe text.
        x_max: upper end of the step axis; it grows in jumps, so most new points leave it.
        version: another number whenever anything in here changed.
        stages: those of the run that follow another one, begun or not.
    """

    series: tuple[Series, ...]
    title: str
    x_max: float
    version: int
    stages: tuple[StageMark, ...] = ()


class Ema:
    """Exponential moving average of values that arrive bit by bit.

    s = alpha * s + (1 - alpha) * x from the first finite x on, which is the first s. What is not
    finite is left out: the average is NaN there and goes on after it as if it had not been.
    """

    def __init__(self, alpha: float = ALPHA) -> None:
        """Begin without a value; ``alpha`` in [0, 1) is what stays of the average at each step."""
        self._alpha = alpha
        self._average: float | None = None
        lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
        # What each value of a block adds to the average after each: [value, after].
        self._weights = np.where(lag >= 0, (1 - alpha) * alpha ** np.maximum(lag, 0), 0.0).T.copy()
        self._decay = alpha ** np.arange(1, _BLOCK + 1)

    def restart(self) -> None:
        """Forget all values: the next one is the first."""
        self._average = None

    def extend(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the average after each of the next values, [N] float64."""
        found = np.asarray(values, np.float64)
        usable = np.isfinite(found)
        if usable.all():
            return self._filter(found)
        averages = np.full(found.shape, np.nan)
        averages[usable] = self._filter(found[usable])
        return averages

    def _filter(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        averages = np.empty(len(x))
        begun = 0
        if self._average is None and len(x):
            self._average = averages[0] = float(x[0])
            begun = 1
        blocks = (len(x) - begun) // _BLOCK
        end = begun + blocks * _BLOCK
        if blocks:
            averages[begun:end] = self._blocks(x[begun:end].reshape(blocks, _BLOCK)).reshape(-1)
        average = self._average or 0.0
        for place, value in enumerate(x[end:].tolist(), end):
            average = self._alpha * average + (1 - self._alpha) * value
            averages[place] = average
        if len(x):
            self._average = average
        return averages

    def _blocks(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Whole blocks [blocks, _BLOCK]: what they add by themselves, then what came before."""
        with np.errstate(over="ignore", invalid="ignore"):
            averages: NDArray[np.float64] = x @ self._weights
        carried = np.empty(len(x))
        kept = float(self._decay[-1])
        average = self._average or 0.0
        for block, own in enumerate(averages[:, -1].tolist()):
            carried[block] = average
            average = kept * average + own
        averages += carried[:, None] * self._decay
        self._average = average
        return averages


def columns(
    x_steps: NDArray[np.int64], y: Floats, x0: float, x1: float, num_columns: int
) -> MinMax:
    """Return the least and largest value in each of ``num_columns`` equal parts of [x0, x1].

    Args:
        x_steps: [N], ascending.
        y: [N].
        x0: finite lower end.
        x1: finite upper end; column c holds x0 + c w <= x < x0 + (c + 1) w, the last one x1 too.
        num_columns: C, may be 0.
    """
    num_columns = max(0, num_columns)
    lo, hi = np.full(num_columns, np.nan), np.full(num_columns, np.nan)
    above, below = np.zeros(num_columns, np.bool_), np.zeros(num_columns, np.bool_)
    found = MinMax(lo, hi, above, below)
    if not num_columns or not len(y) or not (math.isfinite(x0) and math.isfinite(x1)):
        return found
    if x1 <= x0:
        x1 = x0 + 1
    bounds = _bounds(x_steps, x0, x1, num_columns)
    starts, stops = bounds[:-1], bounds[1:]
    filled = np.flatnonzero(stops > starts)
    if not len(filled):
        return found
    # Only the parts that hold something: reduceat has no notion of an empty one. fmin and fmax
    # leave NaN out (0.2 ms for a million points, where masking it takes 5).
    points, parts = y[: stops[-1]], starts[filled]
    lo[filled], hi[filled] = np.fmin.reduceat(points, parts), np.fmax.reduceat(points, parts)
    above[filled], below[filled] = hi[filled] == np.inf, lo[filled] == -np.inf
    if above.any() or below.any():
        finite = points.copy()
        np.copyto(finite, np.nan, where=np.isinf(points))
        lo[filled], hi[filled] = np.fmin.reduceat(finite, parts), np.fmax.reduceat(finite, parts)
    return found


def _bounds(x_steps: NDArray[np.int64], x0: float, x1: float, num_columns: int) -> NDArray[np.intp]:
    """Where each column's points begin, and where the last one's end: [C + 1], never falling."""
    edges = np.ceil(np.linspace(x0, x1, num_columns + 1))
    # Whole numbers, or searchsorted would copy all steps to compare them with floats.
    whole = np.clip(edges, -(2.0**62), 2.0**62).astype(np.int64)
    bounds = np.searchsorted(x_steps, whole)
    last = np.int64(min(max(math.floor(x1), _INT64.min), 2**62))
    bounds[-1] = np.searchsorted(x_steps, last, side="right")
    return np.maximum.accumulate(bounds)
