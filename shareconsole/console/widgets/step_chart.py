"""The step size over the steps, and below it what it took to find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shareconsole.console.viewmodel.band import Band
from shareconsole.console.viewmodel.curves import CurveSet, Series
from shareconsole.console.viewmodel.numerals import format_value
from shareconsole.console.viewmodel.step_size import StepSizeView
from shareconsole.console.widgets.chart import Chart
from shareconsole.console.widgets.panel import Row
from shareconsole.console.widgets.trend import trend_row

_MOST_POINTS = 96
_LEAST_PLOT = 4
_RECENT = 50
"""Steps that the newest value of a cost is the mean of."""


class StepChart(Chart):
    """The accepted step sizes as a curve; trials and their share of the time as bars."""

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__("step size", name=name, id=id, classes=classes)
        self._costs: list[tuple[str, list[float], str, str]] = []

    def show(self, curves: StepSizeView | CurveSet | Band | None) -> None:
        """Show step sizes, or curves without costs; the same object again costs nothing."""
        if isinstance(curves, StepSizeView):
            if curves.curves is not self._curves:
                # The curves are new whenever the costs are.
                self._costs = _costs(curves)
                super().show(curves.curves)
        else:
            self._costs = []
            super().show(curves)

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The chart, then a row for each of the costs."""
        shown = self._costs[: max(0, height - _LEAST_PLOT)]
        label = max((len(label) for label, *_ in shown), default=0)
        rows = list(super().draw(width, height - len(shown)))
        return rows + [
            trend_row(name.ljust(label), history, value, unit, width, self.palette, low=0.0).row()
            for name, history, value, unit in shown
        ]


def _costs(view: StepSizeView) -> list[tuple[str, list[float], str, str]]:
    """Name, history, newest value and unit of each of the costs on record."""
    costs = []
    if view.trials is not None:
        costs.append(("trials", _history(view.trials), _recent(view.trials), " a step"))
    if view.share is not None:
        history = _history(view.share)
        costs.append(("time of trials", history, _recent(view.share, 100), " %"))
    return costs


def _recent(series: Series, scale: float = 1.0) -> str:
    """The mean over the last steps that have a value."""
    last = series.raw[-_RECENT:].astype(np.float64)
    known = last[np.isfinite(last)]
    return format_value(scale * float(known.mean()) if known.size else float("nan"), 2)


def _history(series: Series) -> list[float]:
    """Means of as many values each as leave few enough."""
    every = 1
    while len(series.raw) > every * _MOST_POINTS:
        every *= 2
    whole = len(series.raw) // every * every
    found: list[float] = series.raw[:whole].astype(np.float64).reshape(-1, every).mean(1).tolist()
    return found
