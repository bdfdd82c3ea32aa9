"""The allocation: which components each task averages in each routed unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.console.viewmodel.tensor_log import Found, TensorLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBABILITIES = "connection"
"""The kind of tensor with the probability that a component is in use, each by itself."""


@dataclass(frozen=True, eq=False)
class AllocationView:
    """The newest allocation of L units, T tasks and K components.

    Attributes:
        units, tasks, modules: names, safe text; L, T and K of them.
        used: [L, T, K] bool.
        probabilities: [L, T, K] float32, that a component is in use; None where not recorded.
        groups: [L, T] int64, the first task that uses the same components; -1 where none are.
        step: when it was recorded.
        in_use: [N] float64, components in use per unit and task, over time.
        version: another number whenever anything in here changed.
    """

    units: tuple[str, ...]
    tasks: tuple[str, ...]
    modules: tuple[str, ...]
    used: NDArray[np.bool_]
    probabilities: NDArray[np.float32] | None
    groups: NDArray[np.int64]
    step: int
    in_use: NDArray[np.float64]
    version: int


class AllocationLog(TensorLog[AllocationView]):
    """Makes views of the newest allocation of one run's log."""

    kind = "allocation"
    num_axes = 3

    def update(self, stamp: tuple[tuple[str, int], ...]) -> AllocationView | None:
        """See ``TensorLog.update``; probabilities that came later are added."""
        if stamp != self._stamp and self._view is not None and self._view.probabilities is None:
            self._view = None
        return super().update(stamp)

    def measure(self, values: NDArray[Any]) -> float:
        """Components in use, the mean over units and tasks."""
        return float((values > 0.5).sum(axis=-1).mean())

    def look(self, found: Found) -> AllocationView:
        """What is in use, and how surely where the run says so."""
        units, tasks, modules = found.axes
        used = found.values > 0.5
        return AllocationView(
            units=units,
            tasks=tasks,
            modules=modules,
            used=used,
            probabilities=self._probabilities(found),
            groups=groups(used),
            step=found.step,
            in_use=found.measures,
            version=found.version,
        )

    def _probabilities(self, found: Found) -> NDArray[np.float32] | None:
        """Those of the same step; logged just before or after, so they may be missing yet."""
        steps = self._log.tensor_steps(PROBABILITIES)
        places = np.flatnonzero(steps == found.step)
        if not len(places):
            return None
        probabilities = self._log.tensor(PROBABILITIES, int(places[-1])).astype(np.float32)
        return probabilities if probabilities.shape == found.values.shape else None


def groups(used: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return [L, T] of [L, T, K]: the first task with the same components; -1 without any."""
    same = (used[:, :, None] == used[:, None]).all(axis=-1)
    return np.where(used.any(axis=-1), same.argmax(axis=-1), -1)


def certainty(view: AllocationView, unit: int, task: int) -> float:
    """Return how settled a task's components are: 0 all undecided, 1 all beyond doubt."""
    if view.probabilities is None:
        return 1.0
    distance = np.abs(view.probabilities[unit, task].astype(np.float64) - 0.5)
    return float(2 * np.nan_to_num(distance).mean())


def in_common(view: AllocationView, unit: int) -> NDArray[np.int64]:
    """Return [T, T]: how many components of a unit two tasks both use."""
    used = view.used[unit].astype(np.int64)
    common: NDArray[np.int64] = used @ used.T
    return common
