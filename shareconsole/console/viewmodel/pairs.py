"""Tasks x tasks for each of some layers: how alike two tasks are, from -1 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.console.viewmodel.tensor_log import Found, TensorLog

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PairView:
    """The newest tensor [L, T, T] of a kind.

    Attributes:
        kind: ``similarity`` or ``affinity``.
        units, tasks: names, safe text; L and T of them.
        values: [L, T, T] float32; NaN where not known.
        step: when it was recorded.
        means: [N] float64, the mean over units and different tasks, over time.
        version: another number whenever anything in here changed.
    """

    kind: str
    units: tuple[str, ...]
    tasks: tuple[str, ...]
    values: NDArray[np.float32]
    step: int
    means: NDArray[np.float64]
    version: int


class PairLog(TensorLog[PairView]):
    """Makes views of the newest of such tensors of one run's log."""

    num_axes = 3

    def measure(self, values: NDArray[Any]) -> float:
        """The mean over units and over pairs of different tasks."""
        if values.shape[1] != values.shape[2]:
            return float("nan")
        apart = values[:, ~np.eye(values.shape[1], dtype=np.bool_)].astype(np.float64)
        return _mean(apart)

    def look(self, found: Found) -> PairView | None:
        """The values; what is not square cannot be shown."""
        if found.values.shape[1] != found.values.shape[2]:
            return None
        units, tasks, _ = found.axes
        return PairView(
            kind=self.kind,
            units=units,
            tasks=tasks,
            values=found.values,
            step=found.step,
            means=found.measures,
            version=found.version,
        )


class SimilarityLog(PairLog):
    """How alike the weights of two tasks are."""

    kind = "similarity"


class AffinityLog(PairLog):
    """How alike what two tasks make of the same images is."""

    kind = "affinity"


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
