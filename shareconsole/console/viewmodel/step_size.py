"""What a step size rule says of each step: the size it took, and what it cost to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shareconsole.console.viewmodel.curve_builder import CurveBuilder
from shareconsole.console.viewmodel.curves import CurveSet, Series
from shareconsole.console.viewmodel.stages import StageMark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shareconsole.store.growing import Rows

SIZE, TRIALS, SHARE = "step_size", "trials", "trial_share"
"""Columns of the table of steps: the accepted size, how many were tried, the share of the step's
time that the trials took."""


@dataclass(frozen=True, eq=False)
class StepSizeView:
    """The accepted step sizes, and what it took to find them.

    Attributes:
        curves: the step size alone.
        trials: trials per step; None where not recorded.
        share: fraction of each step's time that its trials took; None where not recorded.
    """

    curves: CurveSet
    trials: Series | None
    share: Series | None


class StepSizeBuilder:
    """Makes the view out of the table of steps."""

    def __init__(self) -> None:
        """Empty."""
        # As they are: a size that was halved is to be seen at once.
        self._curves = CurveBuilder("", "step size", exactly=(SIZE, TRIALS, SHARE), alpha=0.0)
        self._built: CurveSet | None = None
        self._view: StepSizeView | None = None

    def update(
        self,
        steps: NDArray[np.int64],
        fresh: Rows,
        anew: bool,
        aim: int,
        stages: tuple[StageMark, ...] = (),
    ) -> StepSizeView | None:
        """Return the view; the same object if nothing changed, None without step sizes.

        See ``CurveBuilder.update`` for the arguments.
        """
        built = self._curves.update(steps, fresh, anew, aim, stages)
        if built is not self._built:
            self._built = built
            self._view = None if built is None else _view(built)
        return self._view


def _view(built: CurveSet) -> StepSizeView | None:
    by_name = {one.name: one for one in built.series}
    if SIZE not in by_name:
        return None
    size = replace(by_name[SIZE], name="accepted")
    curves = replace(built, series=(size,))
    return StepSizeView(curves, by_name.get(TRIALS), by_name.get(SHARE))
