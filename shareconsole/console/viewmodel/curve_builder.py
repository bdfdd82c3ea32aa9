"""Curves out of the columns of a table, extended as rows arrive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.curves import ALPHA, CurveSet, Ema, Floats, Series
from shareconsole.console.viewmodel.growing import Growing
from shareconsole.console.viewmodel.scale import axis_end
from shareconsole.console.viewmodel.stages import StageMark, by_stage
from shareconsole.safe_text import safe_text
from shareconsole.store.growing import Rows


class _Line:
    """One series as it grows."""

    def __init__(self, name: str, dtype: np.dtype[np.floating], alpha: float) -> None:
        self.name = name
        self._raw = Growing(dtype)
        self._smooth = Growing(dtype)
        self._ema = Ema(alpha)

    def reserve(self, more: int) -> None:
        self._raw.reserve(more)
        self._smooth.reserve(more)

    def restart(self) -> None:
        """Smooth what comes as if nothing had been before."""
        self._ema.restart()

    def append(self, values: Floats) -> None:
        self._raw.append(values)
        self._smooth.append(self._ema.extend(values))

    def series(self, steps: NDArray[np.int64]) -> Series:
        return Series(self.name, steps, self._raw.view(), self._smooth.view())


class CurveBuilder:
    """Makes a curve of every column of a table whose name begins with a prefix, and their mean."""

    def __init__(
        self, prefix: str, title: str, *, exactly: Sequence[str] = (), alpha: float = ALPHA
    ) -> None:
        """For columns such as ``loss.digits`` where ``prefix`` is ``loss.``.

        Args:
            prefix: of the columns' names; curves are called by the rest.
            title: of the curves.
            exactly: the columns by their whole names, in this order; then there is no mean.
            alpha: how much of the smoothed value stays at each point.
        """
        self._alpha = alpha
        self._prefix = prefix
        self._title = title
        self._exactly = tuple(exactly)
        self._columns: tuple[str, ...] = ()
        self._lines: list[_Line] = []
        self._curves: CurveSet | None = None
        self._last_step = 0
        self._version = 0

    def update(
        self,
        steps: NDArray[np.int64],
        fresh: Rows,
        anew: bool,
        aim: int,
        stages: tuple[StageMark, ...] = (),
    ) -> CurveSet | None:
        """Return the curves; the same object if nothing changed, None without such columns.

        Args:
            steps: [N], of all rows, the fresh ones included.
            fresh: the rows that are new.
            anew: forget what came before ``fresh``.
            aim: the step that the run will end at.
            stages: those that follow another one; if they change, all is ``anew``. What is
                smoothed begins anew with each, as it may train other networks.
        """
        if anew:
            self._begin(fresh)
        if not self._columns:
            self._curves = None
            return None
        end = axis_end(int(steps[-1]) if len(steps) else 0, aim)
        before = self._curves
        if before and not anew and not len(fresh) and before.x_max == end:
            return before
        for line in self._lines:
            line.reserve(len(fresh))
        for part, stage in by_stage(fresh, self._last_step, stages):
            self._append(part, restarts=stage is not None)
        self._version += 1
        series = tuple(line.series(steps) for line in self._lines)
        self._curves = CurveSet(series, self._title, end, self._version, stages)
        return self._curves

    def _append(self, rows: Rows, *, restarts: bool) -> None:
        self._last_step = int(rows["step"][-1])
        values = [np.ascontiguousarray(rows[name]) for name in self._columns]
        if len(self._lines) > len(values):
            values.append(_mean(values))
        for line, new in zip(self._lines, values, strict=True):
            if restarts:
                line.restart()
            line.append(new)

    def _begin(self, rows: Rows) -> None:
        self._last_step = 0
        names = rows.dtype.names or ()
        self._columns = tuple(name for name in self._exactly if name in names) or tuple(
            name for name in names if name.startswith(self._prefix) and not self._exactly
        )
        kinds = [np.dtype(np.promote_types(rows.dtype[name], "f4")) for name in self._columns]
        shown = [safe_text(name.removeprefix(self._prefix)) for name in self._columns]
        if len(shown) > 1 and not self._exactly:
            shown.append("mean")
            kinds.append(np.result_type(*kinds))
        self._lines = [
            _Line(name, kind, self._alpha) for name, kind in zip(shown, kinds, strict=True)
        ]


def _mean(values: Sequence[Floats]) -> NDArray[np.float64]:
    """The mean over series at each step, of those that are not NaN; NaN where all are."""
    total, count = np.zeros(len(values[0])), np.zeros(len(values[0]))
    with np.errstate(over="ignore", invalid="ignore"):
        for one in values:
            unknown = np.isnan(one)
            total += np.where(unknown, 0, one) if unknown.any() else one
            count += ~unknown
        mean: NDArray[np.float64] = np.full(len(total), np.nan)
        return np.divide(total, count, out=mean, where=count > 0)
